"""The front's end of the link: connected again whenever it ends; every request on it has an end (torch-free)."""

import asyncio
import contextlib
import logging
import os
import socket
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nettailor.bundle.preprocessing import Preprocessing
from server.errors import EngineLost, LinkBroken, NotReady
from server.link.board import Board
from server.link.failures import failure_of
from server.link.frames import ENDS, Frame, FrameReader, Kind
from server.link.handshake import greet
from server.link.pool import Pool
from server.link.reports import Reports

logger = logging.getLogger(__name__)

_RETRY_S = 0.05  # between attempts to reach an engine that is being started
_GREETING_S = 5.0  # for the first words of an engine that is there
_REPORT_S = 0.25
_VERSIONS = 4096  # that are remembered by their digests


@dataclass(frozen=True, kw_only=True)
class Described:
    """What a front knows of a version; a digest never means anything else."""

    preprocessing: Preprocessing
    classes: tuple[str, ...]


class Exchange:
    """What is said about one request, from its first frame to its last."""

    def __init__(self, connection: "Connection", number: int) -> None:
        self.pool = connection.pool
        self._connection = connection
        self._number = number
        self._reply: asyncio.Future[Frame] | None = None
        self._slot: int | None = None
        self._is_written_to = False  # the slot, by a thread
        self._is_over = False
        self._failure: Exception = EngineLost()  # what whoever asks once it is over is told

    async def ask(self, kind: Kind, document: Mapping[str, Any]) -> Frame:
        """The reply. Raises what the engine says instead, or has said since the last reply; `EngineLost`."""
        if self._is_over:
            raise self._failure
        self._reply = asyncio.get_running_loop().create_future()
        self._connection.send(Frame(kind=kind, request=self._number, document=document))
        return await self._reply

    async def take_slot(self, size_bytes: int) -> int:
        """Room in the pool to write to, until it is `written` and the engine reads nothing of the request any more.

        Raises as `ask`.
        """
        slot = await self.pool.take(size_bytes)
        if self._is_over:
            self.pool.give_back(slot)
            raise self._failure
        self._slot, self._is_written_to = slot, True
        return slot

    def written(self) -> None:
        """No thread writes to the slot any more: it may become somebody else's."""
        self._is_written_to = False
        if self._is_over:
            self._give_back()

    def leave(self) -> None:
        """Nobody waits any more. What was reserved is let go by the engine, and its last frame ends the exchange."""
        if not self._is_over:
            self._connection.send(Frame(kind=Kind.CANCEL, request=self._number))

    def hear(self, frame: Frame) -> None:
        if frame.kind is Kind.FAILED:
            self._failure = failure_of(frame.document)
        if frame.kind in ENDS:
            self._end()
        if self._reply is None or self._reply.done():
            return
        if frame.kind is Kind.FAILED:
            self._reply.set_exception(self._failure)
        else:
            self._reply.set_result(frame)

    def lose(self) -> None:
        self._end()
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(EngineLost())

    def _end(self) -> None:
        self._is_over = True
        self._connection.exchanges.pop(self._number, None)
        if not self._is_written_to:
            self._give_back()

    def _give_back(self) -> None:
        if self._slot is not None:
            self.pool.give_back(self._slot)
            self._slot = None


class Connection(asyncio.Protocol):
    """One life of the link. Only the event loop's thread calls it."""

    def __init__(self, pool: Pool, board: Board, reports: Reports) -> None:
        self.pool = pool
        self.board = board
        self.exchanges: dict[int, Exchange] = {}
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._reports = reports
        self._reader = FrameReader()
        self._transport: asyncio.Transport | None = None
        self._last = 0  # number of a request
        self._timer: asyncio.TimerHandle | None = None

    def exchange(self) -> Exchange:
        self._last += 1
        exchange = self.exchanges[self._last] = Exchange(self, self._last)
        return exchange

    def send(self, frame: Frame) -> None:
        assert self._transport is not None
        self._transport.write(frame.encoded())

    def report_soon(self) -> None:
        if self._timer is None and not self.closed.done():  # or what is taken to be told would be told to nobody
            self._timer = asyncio.get_running_loop().call_later(_REPORT_S, self._report)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvloop's are no subclass
        self._transport = transport
        self.report_soon()

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._reader.feed(data):
                self._hear(frame)
        except LinkBroken as fault:
            logger.error("%s", fault)
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for exchange in list(self.exchanges.values()):
            exchange.lose()
        self.pool.close()
        self.closed.set_result(None)

    def close(self) -> None:
        assert self._transport is not None
        self._transport.abort()

    def leave(self) -> None:
        """Report what is left, then close."""
        if not self.closed.done():
            assert self._transport is not None
            self._report()
            self._transport.close()

    def _hear(self, frame: Frame) -> None:
        if frame.kind is Kind.TELL:
            self._report(frame.request)
        elif (exchange := self.exchanges.get(frame.request)) is not None:
            exchange.hear(frame)

    def _report(self, number: int = 0) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self.send(Frame(kind=Kind.REPORT, request=number, document=self._reports.taken()))


class FrontEnd:
    """Keeps a front connected to its engine."""

    def __init__(self, path: Path, *, number: int, pool_bytes: int, reports: Reports) -> None:
        self.described: OrderedDict[str, Described] = OrderedDict()  # by digest; whose use is longest ago comes first
        self._path = path
        self._number = number
        self._pool_bytes = pool_bytes
        self._reports = reports
        self._connection: Connection | None = None
        self._was_connected = False
        reports.filled = self._report_soon

    @property
    def connection(self) -> Connection:
        """Raises `NotReady`."""
        if self._connection is None or self._connection.closed.done():
            raise NotReady("without its engine" if self._was_connected else "starting")
        return self._connection

    @property
    def is_up(self) -> bool:
        return self._connection is not None and not self._connection.closed.done()

    def remember(self, digest: str, described: Described) -> None:
        self.described[digest] = described
        if len(self.described) > _VERSIONS:
            self.described.popitem(last=False)

    async def keep_connected(self) -> None:
        """Until it is cancelled; then the engine is told what was not reported yet."""
        while True:
            connection = await self._connected()
            if connection is None:
                await asyncio.sleep(_RETRY_S)
                continue
            self._connection, self._was_connected = connection, True
            logger.info("front %s is linked to the engine", self._number)
            try:
                await asyncio.shield(connection.closed)
            finally:
                self._connection = None
                connection.leave()
            logger.warning("front %s has lost the engine", self._number)

    async def _connected(self) -> Connection | None:
        """A new link; None while there is no engine, or there are no descriptors for it."""
        with contextlib.ExitStack() as stack:
            try:
                pool = Pool(self._pool_bytes)
                stack.callback(pool.close)
                peer = stack.enter_context(socket.socket(socket.AF_UNIX))
                board = await asyncio.to_thread(self._greeted, peer, pool.descriptor)
                connection = Connection(pool, board, self._reports)
                stack.pop_all()  # the connection's, from here on
                await asyncio.get_running_loop().create_connection(lambda: connection, sock=peer)
            except (OSError, LinkBroken) as fault:
                logger.debug("no engine yet: %s", fault)
                return None
        return connection

    def _greeted(self, peer: socket.socket, pool: int) -> Board:
        peer.settimeout(_GREETING_S)
        peer.connect(str(self._path))
        descriptor = greet(peer, self._number, pool)
        peer.setblocking(False)
        try:
            return Board(descriptor)
        finally:
            os.close(descriptor)

    def _report_soon(self) -> None:
        if self._connection is not None:
            self._connection.report_soon()
