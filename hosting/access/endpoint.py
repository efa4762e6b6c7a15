"""Handlers of declared routes."""

from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import APIRouter, FastAPI

from hosting.access.body_limit import NO_BODY
from hosting.access.route_table import Route
from hosting.web import openapi
from hosting.web.problems import media_type_of

H = TypeVar("H", bound=Callable[..., Any])


def endpoint(router: APIRouter | FastAPI, route: Route, **options: Any) -> Callable[[H], H]:
    """Make the decorated function the handler of a route, known to generated clients by its name. The options are those
    of FastAPI's own decorators; of what a route refuses, the document learns here."""
    responses = openapi.problems(_refusals(route), media_type_of(route.path)) | options.pop("responses", {})
    extra = options.pop("openapi_extra", {}) | ({} if route.scope is None else openapi.with_key())

    def handle(handler: H) -> H:
        described = {"operation_id": handler.__name__, "responses": responses, "openapi_extra": extra}
        router.api_route(route.path, methods=[route.method], **described | options)(handler)
        return handler

    return handle


def _refusals(route: Route) -> list[int]:
    """Statuses of the problems that a route may answer with."""
    found = {421, 429, 500, 503}
    if route.scope is not None:
        found |= {401, 403, 422}
    if "{" in route.path or route.is_prediction:
        found |= {404, 424}
    if route.is_prediction:
        found |= {504}
    elif route.method != "GET" and route.scope is not None:
        found |= {409, 507}
    if route.body_limit != NO_BODY:
        found |= {408, 413, 415}
    return sorted(found)
