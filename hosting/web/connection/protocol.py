"""uvicorn's protocol with limits: what is too large, too late or too slow ends, and its sender is told.

What this class needs of uvicorn beyond its documented interface is pinned by
`tests/hosting/web/connection/test_uvicorn_internals.py`; the versions of uvicorn that have it are in pyproject.toml.

A connection is in one of these phases, and `look` is called about once a second to find those that stay in one:

    head     a request's headers are awaited            `header_s`, then 408, or a plain close where nothing came
    body     an app waits for more of a body            `bytes_per_s` over `transfer_s`, then `SlowBody` (408)
    rest     a body nobody wants any more still comes   the same over `linger_s`, and `rest_bytes`, then the end
    (none)   the app works, or uvicorn's own timer of idle connections runs

Beside that, whatever is written has to be read: `bytes_per_s` over `transfer_s`, then the end.
"""

import asyncio
import logging
import math
import socket
from typing import TYPE_CHECKING, Any, Literal

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from hosting.web.connection import refusal
from hosting.web.connection.address import home_of
from hosting.web.connection.exchange import Exchange
from hosting.web.connection.lingering import LingeringTransport
from hosting.web.connection.pace import Pace
from hosting.web.connection.refusal import Refusal, Refused

if TYPE_CHECKING:
    from hosting.web.connection.config import BoundedConfig

logger = logging.getLogger(__name__)

REFUSING = "refusing requests: %s %s (%s)"  # both can be caused by anybody, so they are told once a burst
NOT_READING = "ending connections whose clients do not read their answers (%s)"

Phase = Literal["head", "body", "rest"]

_BEING_REFUSED = 32  # connections beyond a limit that stay open for the moment in which they are told so
_CHUNK_BYTES = 16  # of framing that a byte of a body may need at most: every chunk can be a byte long


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    transport: LingeringTransport

    def __init__(
        self,
        config: "BoundedConfig",
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.url = b""  # of the request that is read, as far as it came
        self._limits = config.limits
        self._census = config.census
        self._watch = config.watch
        self._home = ""  # the address that the connection counts for
        self._is_guest = True  # whether it is counted, and not refused
        self._received = 0  # bytes, in all
        self._head_from = 0  # of these, before the head that is read now or comes next
        self._body_from = 0  # before the body that is read now
        self._body_bytes = 0  # that this body had so far, without framing
        self._rest_until = math.inf  # where a body that nobody wants has to end
        self._in_body = False  # whether the parser is between the end of the headers and that of the message
        self._is_deaf = False  # whether the parser has seen enough
        self._exchange: Exchange | None = None  # of the request that an app works on
        self._resumed = 0  # how often the peer emptied what we had written
        self._sending = Pace()
        self._reading = Pace()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(LingeringTransport(transport, self._peer_sends))
        _send_at_once(transport)
        self._home = home_of(self.client[0] if self.client else "")
        self._watch.add(self)
        refused = self._census.enter(self._home)
        if refused is not None:
            self._turn_away(refused)

    def _turn_away(self, refused: Refusal) -> None:
        self._is_guest = False
        self._census.being_refused += 1
        if self._census.being_refused <= _BEING_REFUSED:
            self._refuse(refused)
        else:
            _tell(refused, self._home)
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._is_guest:
            self._census.leave(self._home)
        else:
            self._census.being_refused -= 1
        self._watch.discard(self)
        super().connection_lost(exc)
        if self._exchange is not None:
            self._exchange.client_is_gone()

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        if self._received > self._rest_until:
            self.transport.abort()
        elif not self._is_deaf:
            self._unset_keepalive_if_required()
            try:
                self._feed(data)
            except httptools.HttpParserError as error:
                cause = error.__context__
                self._refuse(cause.refusal if isinstance(cause, Refused) else refusal.malformed())
            else:
                self._check_size()

    def _feed(self, data: bytes) -> None:
        while data:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]  # we stay with HTTP, whatever the client would rather speak
            else:
                return

    def _should_upgrade(self) -> bool:
        return False

    def _check_size(self) -> None:
        """Bound what the parser keeps to itself: headers and trailers of which it has not seen the end."""
        limits = self._limits
        if self._in_body:
            framing = self._received - self._body_from - self._body_bytes
            if framing > limits.header_bytes + _CHUNK_BYTES * self._body_bytes or len(self.headers) > limits.headers:
                self._refuse(refusal.malformed())
        elif self._received - self._head_from > limits.url_bytes + limits.header_bytes:
            self._refuse(refusal.headers_too_large(limits.header_bytes, limits.headers))

    # What the parser calls; exceptions of these stop it.

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > self._limits.url_bytes:
            raise Refused(refusal.url_too_long(self._limits.url_bytes))

    def on_headers_complete(self) -> None:
        limits = self._limits
        # Most heads come in one piece that is smaller than the limit, and need not be added up.
        size = self._received - self._head_from
        if size > limits.header_bytes:
            size = sum(len(name) + len(value) for name, value in self.headers)
        if size > limits.header_bytes or len(self.headers) > limits.headers:
            raise Refused(refusal.headers_too_large(limits.header_bytes, limits.headers))
        if len(self.pipeline) >= limits.pipelined:
            raise Refused(refusal.malformed())
        super().on_headers_complete()
        self.headers = []  # for trailers, which are no headers
        self._in_body = True
        self._body_from, self._body_bytes = self._received, 0

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_body = False
        self._head_from = self._received
        self._rest_until = math.inf

    # What uvicorn calls.

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._exchange = exchange = Exchange(app, cycle, self._limits.rest_bytes)
        wrapped: Any = exchange  # uvicorn has types of its own for what an app is given
        super()._start_asgi_task(cycle, wrapped)

    def on_response_complete(self) -> None:
        if self._in_body:
            self._rest_until = self._received + self._limits.rest_bytes
        super().on_response_complete()

    def shutdown(self) -> None:
        if self.transport.lingers:
            self.transport.abort()
        elif self._tells_endlessly():
            self.transport.close()  # without the last chunk, so that the client knows that there is more to ask for
        else:
            super().shutdown()

    def _tells_endlessly(self) -> bool:
        under_way = self.cycle is not None and not self.cycle.response_complete
        return under_way and self._exchange is not None and self._exchange.is_endless

    def resume_writing(self) -> None:
        self._resumed += 1
        super().resume_writing()

    # What the watch calls.

    def look(self, now: float) -> None:
        if self._reads_too_slowly(now):
            logger.warning(NOT_READING, self._home)
            self.transport.abort()
        else:
            self._look_at_phase(now, self._phase())

    def _reads_too_slowly(self, now: float) -> bool:
        limits, unsent = self._limits, self.transport.get_write_buffer_size()
        what = self._resumed if unsent else None
        at_least = limits.bytes_per_s * limits.transfer_s
        slow = self._sending.is_too_slow(now, what, -unsent, seconds=limits.transfer_s, at_least=at_least)
        return slow and unsent > 0

    def _look_at_phase(self, now: float, phase: Phase | None) -> None:
        limits = self._limits
        seconds = {"head": limits.header_s, "body": limits.transfer_s}.get(phase or "", limits.linger_s)
        at_least = math.inf if phase == "head" else limits.bytes_per_s * seconds
        what = (phase, self.cycle)
        if not self._reading.is_too_slow(now, what, self._received, seconds=seconds, at_least=at_least):
            return
        if phase == "head":
            self._give_up_head()
        elif phase == "body" and self._exchange is not None:
            self._exchange.body_is_late()
        elif phase == "rest":
            self.transport.abort()

    def _phase(self) -> Phase | None:
        if self.transport.lingers:
            return "rest"
        if self.transport.is_closing():
            return None
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            if self._in_body:
                return "rest"
            return "head" if self.timeout_keep_alive_task is None else None
        reads = self._in_body and not self.flow.read_paused and not cycle.waiting_for_100_continue
        return "body" if reads else None

    def _give_up_head(self) -> None:
        """The peer is silent, so nothing is under way that would keep it from reading why."""
        if self._received > self._head_from:
            late = refusal.headers_late(self._limits.header_s)
            _tell(late, self._home)
            self.transport.write(late.encoded(self.server_state.default_headers, path=self._path))
        self.transport.close()

    def _refuse(self, refused: Refusal) -> None:
        """Answer, and end the connection. Where another answer is under way, it is the last one instead."""
        _tell(refused, self._home)
        self._is_deaf = True
        self._rest_until = self._received + self._limits.rest_bytes
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if not self._in_body:
                cycle.keep_alive = False
                return
            if cycle.response_started or self.pipeline:
                self.transport.abort()
                return
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.write(refused.encoded(self.server_state.default_headers, path=self._path))
        self.transport.close()

    @property
    def _path(self) -> str:
        return self.url.partition(b"?")[0].decode("latin-1")

    def _peer_sends(self) -> bool:
        return self._in_body or self._is_deaf


def _send_at_once(transport: asyncio.Transport) -> None:
    """An answer is written in two parts, and the kernel would hold the second back until the first is acknowledged, for
    which many a client takes 40 ms. asyncio sees to that itself only where it has opened the listening socket."""
    opened: socket.socket | None = transport.get_extra_info("socket")
    if opened is not None and opened.family in (socket.AF_INET, socket.AF_INET6):
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _tell(refused: Refusal, home: str) -> None:
    logger.warning(REFUSING, refused.status, refused.title, home)
