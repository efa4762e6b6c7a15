"""One request and its answer, between uvicorn and the app: what HTTP asks for and uvicorn or our apps leave out."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from hosting.web.connection.scope import BODY_IS_THERE, BREAK_OFF, ENDLESS, METHOD, WHEN_GONE
from hosting.web.slow_body import SlowBody

logger = logging.getLogger(__name__)


class Exchange:
    """An ASGI app, around another, for one request. A request whose body is there costs it next to nothing."""

    def __init__(self, app: ASGIApp, cycle: RequestResponseCycle, rest_bytes: int) -> None:
        self._app = app
        self._cycle = cycle
        self._rest_bytes = rest_bytes
        self._is_late = False
        self.is_endless = False  # whether the answer goes on for as long as something happens
        self._when_gone: Callable[[], None] | None = None

    def body_is_late(self) -> None:
        """Make the app's reading of the body fail with `SlowBody`."""
        self._is_late = True
        self._cycle.message_event.set()

    def answers_endlessly(self) -> None:
        self.is_endless = True

    def client_is_gone(self) -> None:
        """The connection ended, whether the answer was complete or not."""
        if self._when_gone is not None and not self._cycle.response_complete:
            self._when_gone()

    def break_off(self) -> None:
        cycle: Any = self._cycle
        cycle.disconnected = True  # whatever of the answer is missing stays so
        cycle.transport.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[ENDLESS], scope[BREAK_OFF], scope[WHEN_GONE] = self.answers_endlessly, self.break_off, self._watch_client
        if self._cycle.more_body:
            receive, send = self._receive, self._send
        else:
            scope[BODY_IS_THERE] = True
            send = self._send_together
        if scope["http_version"] == "1.0":
            send = _Unframed(self._cycle, send)
        app = _answer_head if scope["method"] == "HEAD" else _answer
        try:
            await app(self._app, scope, receive, send)
        except asyncio.CancelledError:  # nobody but a server that closes cancels what is under way
            logger.warning("%s %s is broken off: the server stops", scope["method"], scope["path"])
            self.break_off()

    def _watch_client(self, act: Callable[[], None] | None) -> None:
        self._when_gone = act

    async def _receive(self) -> Message:
        message: Any = await self._cycle.receive()
        if self._is_late and message["type"] == "http.request" and message.get("more_body"):
            raise SlowBody
        return dict(message)

    async def _send(self, message: Message) -> None:
        """A body that is not wanted and cannot be skipped ends the connection. After `Expect: 100-continue` the client
        may leave it out or not (RFC 9110, 10.1.1), and what comes next would be taken for it."""
        cycle: Any = self._cycle
        if message["type"] == "http.response.start" and cycle.more_body:
            length = dict(cycle.scope["headers"]).get(b"content-length", b"0")
            if cycle.waiting_for_100_continue or int(length) > self._rest_bytes:
                cycle.keep_alive = False
        await self._send_together(message)

    async def _send_together(self, message: Message) -> None:
        """Headers that say how long the body is go out with its beginning."""
        cycle: Any = self._cycle
        if message["type"] == "http.response.start" and cycle.scope["method"] != "HEAD":
            for name, _ in message.get("headers", ()):
                if name == b"content-length":
                    cycle.transport.hold_next()
                    break
        await cycle.send(message)


class _Unframed:
    """Sends an answer to HTTP/1.0, which knows no chunks: without a length it goes on until the connection ends."""

    def __init__(self, cycle: RequestResponseCycle, send: Send) -> None:
        self._cycle = cycle
        self._send = send
        self._has_length = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._has_length = any(name.lower() == b"content-length" for name, _ in message.get("headers", ()))
            if not self._has_length:
                self._cycle.chunked_encoding = False
        elif not self._has_length:
            self._cycle.expected_content_length = len(message.get("body", b""))
        await self._send(message)


async def _answer(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)


async def _answer_head(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Let the app answer as to `GET`, without the body, which uvicorn leaves out. Nobody waits for what a stream would
    tell, so after its headers the client counts as gone."""
    started = asyncio.Event()
    received = ended = False

    async def receive_once() -> Message:
        nonlocal received
        if received:
            await started.wait()
            return {"type": "http.disconnect"}
        message = await receive()
        received = not message.get("more_body", False)
        return message

    async def send_and_note(message: Message) -> None:
        nonlocal ended
        ended = message["type"] == "http.response.body" and not message.get("more_body", False)
        await send(message)
        started.set()

    await app({**scope, "method": "GET", METHOD: "HEAD"}, receive_once, send_and_note)
    if started.is_set() and not ended:
        await send({"type": "http.response.body", "body": b"", "more_body": False})
