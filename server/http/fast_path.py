"""The front: predictions take a short way past FastAPI's routing, to the same handlers as its routes.

Routing, dependencies and exit stacks cost more interpreter time a request than all of ours (docs/log.md), and the
engine's threads wait for the interpreter.
"""

import re

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from hosting.web.problems import answer
from server.http.handlers import Handlers, Server
from server.http.problems import ALL_PROBLEMS


class FastPath:
    """Pure ASGI, within the request id's middleware. What it does not know goes on to `app`."""

    def __init__(self, app: ASGIApp, server: Server) -> None:
        handlers = Handlers(server)
        self._app = app
        self._ways = (
            (re.compile("/tasks/(?P<task>[^/]+)/predict"), handlers.predict),
            (re.compile("/tasks/(?P<task>[^/]+)/versions/(?P<version>[^/]+)/predict"), handlers.predict_version),
            (re.compile("/predict"), handlers.predict_many),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST":
            for pattern, handler in self._ways:
                if found := pattern.fullmatch(scope["path"]):
                    request = Request({**scope, "path_params": found.groupdict()}, receive)
                    try:
                        response = await handler(request)
                    except Exception as failure:  # only what has a problem of its own; the rest is raised again
                        response = answer(request, failure, ALL_PROBLEMS)
                    await response(scope, receive, send)
                    return
        await self._app(scope, receive, send)
