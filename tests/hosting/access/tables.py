"""What an app offers, what it has declared, and what stands around it."""

from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from hosting.access.authorization import RouteLookup

Offered = list[tuple[str, str]]  # method and path, in order


def offered(app: FastAPI) -> Offered:
    """By FastAPI's routing, where HEAD comes with GET."""
    contexts = iter_route_contexts(app.routes)
    return sorted((method, str(each.path)) for each in contexts for method in (each.methods or ()) if method != "HEAD")


def declared(app: FastAPI) -> Offered:
    """By the table that every request is looked up in."""
    lookup: Any = app.user_middleware[middleware(app).index(RouteLookup)]
    return sorted((route.method, route.path) for route in lookup.kwargs["table"].routes)


def middleware(app: FastAPI) -> list[Any]:
    """Its classes, from the outside in."""
    return [each.cls for each in app.user_middleware]
