"""Looks at all connections of a server now and then: one timer for all of them, none a request."""

import asyncio
from typing import Protocol

_LONGEST_PAUSE_S = 1.0


class Watched(Protocol):
    def look(self, now: float) -> None:
        """End what took too long. `now` is the event loop's time."""


class Watch:
    """Only the event loop's thread calls it. While there are no connections there is no timer."""

    def __init__(self, shortest_s: float) -> None:
        self._pause_s = min(_LONGEST_PAUSE_S, shortest_s / 4)
        self._watched: set[Watched] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, connection: Watched) -> None:
        self._watched.add(connection)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._pause_s, self._look)

    def discard(self, connection: Watched) -> None:
        self._watched.discard(connection)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in tuple(self._watched):
            connection.look(now)
        self._timer = loop.call_later(self._pause_s, self._look) if self._watched else None
