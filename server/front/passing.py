"""All requests but predictions: the engine's process answers them, or the front says why it does not (torch-free)."""

from typing import Any

from fastapi import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from hosting.access.open_routes import HEALTHZ, READYZ
from hosting.access.route_table import route_match
from hosting.telemetry.request_id import RequestIdMiddleware
from hosting.web.problem import ProblemTable
from hosting.web.problems import answer
from server.errors import EngineLost, NotReady
from server.front.front import Front
from server.front.places import Places
from server.front.upstream import pass_on
from server.http.open_inference.route_declarations import LIVE, READY
from server.http.open_inference.schemas import LiveDocument
from server.http.problems import ALL_PROBLEMS
from server.link.front_end import FrontEnd

# What the front says itself while there is no engine: this process answers.
_ALIVE: dict[Any, dict[str, Any]] = {HEALTHZ: {"status": "ok"}, LIVE: LiveDocument().model_dump()}
_READINESS = (READYZ, READY)
_PROBLEMS: ProblemTable = {kind: ALL_PROBLEMS[kind] for kind in (NotReady, EngineLost)}


class Passing:
    """Pure ASGI, within a look-up of the route."""

    def __init__(self, front: Front, front_end: FrontEnd, places: Places) -> None:
        self._front = front
        self._front_end = front_end
        self._places = places

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = route_match(scope).route
        try:
            if route in _READINESS and self._front.state == "draining":
                raise NotReady(self._front.state)
            _ = self._front_end.connection
            await pass_on(self._places.http, scope, receive, send)
        except Exception as failure:  # only what has a problem of its own; the rest is raised again
            is_alive = route in _ALIVE and isinstance(failure, NotReady | EngineLost)
            own = JSONResponse(_ALIVE[route]) if is_alive else _refusing(failure)
            await RequestIdMiddleware(own)(scope, receive, send)


def _refusing(failure: Exception) -> ASGIApp:
    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(Request(scope), failure, _PROBLEMS)(scope, receive, send)

    return refuse
