"""Looks a request's route up, once, for all that stands within: audit log, authorization, rate limit, fast path."""

from starlette.types import ASGIApp, Receive, Scope, Send

from hosting.access.route_table import RouteMatch, RouteTable
from hosting.telemetry import log_context

_KEY = "nettailor.route_match"  # in the ASGI scope


class RouteLookup:
    """Pure ASGI, within the request id's middleware, so that refusals are logged with their task, too."""

    def __init__(self, app: ASGIApp, table: RouteTable) -> None:
        self._app = app
        self._table = table

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            match = self._table.find(scope["method"], scope["path"], scope["query_string"])
            log_context.request.set(match)
            scope = {**scope, _KEY: match}
        await self._app(scope, receive, send)


def route_match(scope: Scope) -> RouteMatch:
    """What the lookup found for the request of an ASGI scope, within `RouteLookup`."""
    match: RouteMatch = scope[_KEY]
    return match
