"""Handlers of declared routes."""

from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import APIRouter, FastAPI

from hosting.access.route_table import Route

H = TypeVar("H", bound=Callable[..., Any])


def endpoint(router: APIRouter | FastAPI, route: Route, **options: Any) -> Callable[[H], H]:
    """Make the decorated function the handler of a route. The options are those of FastAPI's own decorators."""
    return router.api_route(route.path, methods=[route.method], **options)
