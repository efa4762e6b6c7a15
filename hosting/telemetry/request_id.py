"""The id of a request: taken from `X-Request-Id` or made, in a context variable while it runs, and in the answer."""

import re
import uuid
from collections.abc import Iterable
from contextvars import ContextVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hosting.telemetry import tracing

HEADER = "X-Request-Id"
TRACE_HEADER = "traceparent"  # W3C trace context: handed back as it came, or as our own span below it

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

# As they are in ASGI.
_HEADER, _TRACE_HEADER = HEADER.lower().encode(), TRACE_HEADER.encode()

_ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{1,128}")
_TRACE_PARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class RequestIdMiddleware:
    """Pure ASGI, so that streams and background work see the id too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given, trace = _said(scope, _HEADER), _said(scope, _TRACE_HEADER)
        identity = given if _ACCEPTABLE.fullmatch(given) else uuid.uuid4().hex
        in_answer = (_HEADER, identity.encode())
        # Never reset: every request runs in a context of its own, and the last-resort error handler, which stands
        # outside this middleware, still wants it.
        request_id.set(identity)

        parent = trace if _TRACE_PARENT.fullmatch(trace) else None

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = _without(message.get("headers", ()), _HEADER)
                headers.append(in_answer)
                if context := tracing.traceparent() or parent:
                    headers = _without(headers, _TRACE_HEADER)
                    headers.append((_TRACE_HEADER, context.encode()))
                message["headers"] = headers
            await send(message)

        if tracing.is_on():
            await self._traced(scope, receive, send_with_id, parent)
        else:
            await self._app(scope, receive, send_with_id)

    async def _traced(self, scope: Scope, receive: Receive, send: Send, parent: str | None) -> None:
        method, path = scope["method"], scope["path"]
        about = {"http.request.method": method, "url.path": path, "nettailor.request_id": request_id.get() or ""}
        with tracing.span(method, parent=parent, server=True, about=about) as span:

            async def send_and_note(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                await send(message)

            await self._app(scope, receive, send_and_note)


def _said(scope: Scope, header: bytes) -> str:
    """The first header of that name; empty where there is none."""
    for name, value in scope["headers"]:
        if name == header:
            said: bytes = value
            return said.decode("latin-1")
    return ""


def _without(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[tuple[bytes, bytes]]:
    return [header for header in headers if header[0] != name]
