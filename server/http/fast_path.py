"""The fast path: predictions go past FastAPI's routing, to the same handlers as its routes.

Routing, dependencies and exit stacks cost more interpreter time a request than all of ours (docs/log.md), and the
engine's threads wait for the interpreter.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from hosting.access.route_table import Route, route_match
from hosting.web.connection.scope import when_client_goes
from hosting.web.problems import answer
from server.http.handlers import Handlers
from server.http.open_inference.infer import InferHandler
from server.http.open_inference.route_declarations import INFER, INFER_OF_VERSION
from server.http.problems import ALL_PROBLEMS
from server.http.route_declarations import PREDICT, PREDICT_MANY, PREDICT_VERSION
from server.prediction.parts import PredictionServer


class FastPath:
    """Pure ASGI, within `RouteLookup`. What is no prediction goes on to `app`."""

    def __init__(self, app: ASGIApp, server: PredictionServer) -> None:
        handlers = Handlers(server)
        infer = InferHandler(server).answer
        self._app = app
        self._handlers: dict[Route | None, Callable[[Request], Awaitable[Response]]] = {
            PREDICT: handlers.predict,
            PREDICT_VERSION: handlers.predict_version,
            PREDICT_MANY: handlers.predict_many,
            **dict.fromkeys((INFER, INFER_OF_VERSION), infer),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match = route_match(scope) if scope["type"] == "http" else None
        handler = self._handlers.get(match.route) if match else None
        if match is None or handler is None:
            await self._app(scope, receive, send)
            return
        request = Request({**scope, "path_params": match.path_parameters}, receive)
        try:
            response = await unless_client_goes(scope, handler(request))
        except Exception as failure:  # only what has a problem of its own; the rest is raised again
            response = answer(request, failure, ALL_PROBLEMS)
        await response(scope, receive, send)


async def unless_client_goes(scope: Mapping[str, Any], answering: Awaitable[Response]) -> Response:
    """The answer, which is given up when nobody waits for it any more. Raises `ClientDisconnect`."""
    task = asyncio.current_task()
    assert task is not None
    is_gone = False

    def give_up() -> None:
        nonlocal is_gone
        is_gone = True
        task.cancel()

    when_client_goes(scope, give_up)
    try:
        return await answering
    except asyncio.CancelledError:
        if not is_gone or task.uncancel():
            raise
        raise ClientDisconnect from None
    finally:
        when_client_goes(scope, None)
