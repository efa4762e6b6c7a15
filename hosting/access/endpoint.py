"""Handlers of declared routes."""

from collections.abc import Callable, Collection
from typing import Any, TypeVar

from fastapi import APIRouter, Depends, FastAPI

from hosting.access.body_limit import NO_BODY
from hosting.access.route_table import Route
from hosting.web import openapi
from hosting.web.problem import media_type_of
from hosting.web.said_once import check_members_said_once, check_scalars_said_once

# A prediction's handler reads query and body itself, and FastAPI takes its time over each dependency.
_SAID_ONCE = [Depends(check_scalars_said_once), Depends(check_members_said_once)]

H = TypeVar("H", bound=Callable[..., Any])


def endpoint(
    router: APIRouter | FastAPI,
    route: Route,
    *,
    never: Collection[int] = (),
    also: Collection[int] = (),
    **options: Any,
) -> Callable[[H], H]:
    """Make the decorated function the handler of a route, known to generated clients by its name. The options are those
    of FastAPI's own decorators; of what a route refuses, the document learns here. `never` are statuses that are
    usual for such a route, and that this one never answers; `also` are unusual ones that this one answers."""
    kind = media_type_of(route.path)
    refusals = openapi.problems(sorted(_refusals(route).difference(never).union(also)), kind)
    responses = refusals | openapi.on_the_way(kind) | options.pop("responses", {})
    extra = options.pop("openapi_extra", {}) | ({} if route.scope is None else openapi.with_key(or_link=route.is_page))

    def handle(handler: H) -> H:
        described = {"operation_id": handler.__name__, "responses": responses, "openapi_extra": extra}
        checks = [] if route.is_prediction else _SAID_ONCE
        router.api_route(route.path, methods=[route.method], dependencies=checks, **described | options)(handler)
        return handler

    return handle


def _refusals(route: Route) -> set[int]:
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
    return found
