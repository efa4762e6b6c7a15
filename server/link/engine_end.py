"""The engine's end: it listens for fronts, and gathers what they have counted."""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

from server.errors import LinkBroken
from server.link.board import Board
from server.link.handshake import welcome
from server.link.pool import PoolReader
from server.link.session import EngineServer, Session

logger = logging.getLogger(__name__)

_GREETING_S = 5.0
_REPORTS_S = 1.0  # that a page of metrics waits for fronts; what is missing is on the next one
_BACKLOG = 64
_PAUSE_S = 1.0  # before the next attempt to let a front in


class EngineEnd:
    """Listens at a path that only this user can get to."""

    def __init__(
        self, path: Path, server: EngineServer, board: Board, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = path
        self._server = server
        self._board = board
        self._clock = clock  # the machine's, that deadlines are on
        self._sessions: set[Session] = set()
        self._accepting: asyncio.Task[None] | None = None
        self._greeting: set[asyncio.Task[None]] = set()

    @property
    def fronts(self) -> int:
        """How many are linked now."""
        return len(self._sessions)

    async def start(self) -> None:
        self._path.unlink(missing_ok=True)  # of one that was killed
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self._path))
        listener.listen(_BACKLOG)
        listener.setblocking(False)
        self._accepting = asyncio.create_task(self._accept(listener))

    async def stop(self) -> None:
        """No more fronts, and the links that there are end."""
        tasks = [task for task in (self._accepting, *self._greeting) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for session in list(self._sessions):
            session.close()

    async def gather_reports(self) -> None:
        """Have every front report what it has counted up to now."""
        telling = [asyncio.create_task(session.tell()) for session in self._sessions]
        if telling:
            _, late = await asyncio.wait(telling, timeout=_REPORTS_S)
            for task in late:
                task.cancel()

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with listener:
            while True:
                try:
                    peer, _ = await loop.sock_accept(listener)
                except OSError as fault:  # no descriptors at the moment
                    logger.warning("no front is let in: %s", fault)
                    await asyncio.sleep(_PAUSE_S)
                    continue
                greeting = asyncio.create_task(self._greet(peer))
                self._greeting.add(greeting)
                greeting.add_done_callback(self._greeting.discard)

    async def _greet(self, peer: socket.socket) -> None:
        try:
            front, pool = await asyncio.to_thread(self._welcome, peer)
        except (OSError, LinkBroken) as fault:
            logger.warning("a front was not let in: %s", fault)
            peer.close()
            return
        except asyncio.CancelledError:  # the engine stops
            peer.close()
            raise
        session = Session(self._server, front, pool, clock=self._clock)
        await asyncio.get_running_loop().create_connection(lambda: session, sock=peer)
        self._sessions.add(session)
        session.closed.add_done_callback(lambda _: self._sessions.discard(session))

    def _welcome(self, peer: socket.socket) -> tuple[int, PoolReader]:
        peer.settimeout(_GREETING_S)
        front, descriptor = welcome(peer, self._board.descriptor)
        peer.setblocking(False)
        try:
            return front, PoolReader(descriptor)
        finally:
            os.close(descriptor)
