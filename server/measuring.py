"""Counting every answer of a route, errors included."""

import time
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from typing import Any, Protocol

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response

from server.metrics import Metrics
from server.predictor import Predictor, parse_target
from server.problems import status_of
from server.routing import Routing
from server.settings import ServerSettings

_CLIENT_GONE = 499  # as nginx counts a request whose client did not wait for the answer


class Parts(Protocol):
    """What the routes need of a running server."""

    @property
    def predictor(self) -> Predictor: ...

    @property
    def routing(self) -> "Routing[Any, Any]": ...


class Server(Protocol):
    """What the routes need of a server, running or not."""

    settings: ServerSettings
    metrics: Metrics
    state: str  # starting, ready or draining

    @property
    def parts(self) -> Parts:
        """Raises `NotReady`."""

    def answering(self) -> AbstractContextManager[None]:
        """Held from a prediction's arrival to its answer. Raises `NotReady` when draining."""


Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def measured(server: Server) -> type[APIRoute]:
    """A route class that counts every answer by task and code, errors included."""

    class Measured(APIRoute):
        def get_route_handler(self) -> Handler:
            handle = super().get_route_handler()

            async def counted(request: Request) -> Response:
                began_at, code = time.monotonic(), _CLIENT_GONE
                try:
                    with server.answering():
                        server.parts.predictor.admission.check(_tasks(request))
                        response = await handle(request)
                    code = response.status_code
                    return response
                except Exception as failure:  # only looked at: the problem handlers answer it
                    code = _status(failure)
                    if code in (413, 415, 422, 429):
                        server.metrics.rejected.labels(type(failure).__name__).inc()
                    raise
                finally:
                    server.metrics.answered(_tasks(request), code, time.monotonic() - began_at)

            return counted

    return Measured


def _status(failure: Exception) -> int:
    if isinstance(failure, RequestValidationError):
        return 422
    return failure.status_code if isinstance(failure, HTTPException) else status_of(failure)


def _tasks(request: Request) -> list[str]:
    """The tasks a request names, there or not."""
    named = request.path_params.get("task") or request.query_params.get("tasks", "")
    return [parse_target(name).task for name in named.split(",")]
