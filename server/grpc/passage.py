"""The passage of a call through the app: keys, rate limits, the audit log, request ids and traces are those of HTTP.

A call goes through the middleware of the HTTP app as a request whose route is known already, and whose work is done
where a route's handler would be. So whatever is refused, counted or noted of requests is of calls, too, out of the same
buckets and by the same keys.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hosting.access.route_table import MATCH, Route, RouteMatch
from hosting.web.problems import answer
from server.http.problems import OPEN_INFERENCE_PROBLEMS

Work = Callable[[], Awaitable[None]]
Headers = Sequence[tuple[bytes, bytes]]

SUCCESS = 200
_WORK = "nettailor.grpc_work"  # in the ASGI scope


@dataclass(frozen=True, kw_only=True, eq=False)
class Call:
    """One message of a caller's, and what is to be done about it."""

    route: Route
    parameters: Mapping[str, str]  # `task` and `version`, as a path would name them
    headers: Headers
    client: tuple[str, int] | None
    body: bytes
    work: Work


@dataclass(kw_only=True, eq=False)
class Outcome:
    """How a call ended: the status, headers and problem that an HTTP request would have been answered with."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def succeeded(self) -> bool:
        return self.status == SUCCESS

    @property
    def error(self) -> str:
        """What went wrong, for people."""
        return str(json.loads(self.body)["error"])

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode("latin-1") for name, value in message.get("headers", ())}
        else:
            self.body += message.get("body", b"")


class WorkOfCalls:
    """Pure ASGI, within all that looks after requests. What is no call goes on to `app`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        work: Work | None = scope.get(_WORK)
        if work is None:
            await self._app(scope, receive, send)
            return
        await receive()  # so that its bytes count among those of all bodies
        try:
            await work()
        except Exception as failure:  # only what has a problem of its own; the rest is raised again
            await answer(Request(scope), failure, OPEN_INFERENCE_PROBLEMS)(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": SUCCESS, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def passed(app: ASGIApp, call: Call) -> Outcome:
    """Whether `call` was let through and its work succeeded (200), or what it has to be refused with."""
    outcome = Outcome()

    async def receive() -> Message:
        return {"type": "http.request", "body": call.body, "more_body": False}

    try:
        await app(_scope(call), receive, outcome.send)
    except Exception:  # the app's last-resort handler has logged it and answered, and raises it again all the same
        if not outcome.status:
            raise
    return outcome


def _scope(call: Call) -> Scope:
    route = call.route
    match = RouteMatch(route=route, scope=route.scope, path_parameters=call.parameters, task_parameter=None, query=b"")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "2",
        "method": route.method,
        "scheme": "http",
        "path": route.path,
        "raw_path": route.path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [*call.headers, (b"content-length", b"%d" % len(call.body))],
        "client": call.client,
        "server": None,
        MATCH: match,
        _WORK: call.work,
    }
