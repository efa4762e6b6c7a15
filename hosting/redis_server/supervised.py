"""The private Redis server of a service, started again whenever it ends, until the service lets go of it."""

import logging
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from hosting.errors import EmbeddedRedisFailed
from hosting.redis_server.embedded import LOG, EmbeddedRedis

logger = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 10.0  # also how long a server that a full disk ended may stay away once there is room
_HEALTHY_SECONDS = 60.0  # having run this long, a server's next end starts the pauses anew


class SupervisedRedis:
    """A context manager over an `EmbeddedRedis`. A successor has the same URL and the data on disk, so that clients
    only have to connect again. Raises `EmbeddedRedisFailed` if the first one does not start."""

    def __init__(self, folder: Path, *, first_pause_seconds: float = _FIRST_PAUSE_SECONDS) -> None:
        self._server = EmbeddedRedis(folder)
        self._first_pause_seconds = first_pause_seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._supervise, name="supervise-redis", daemon=True)

    @property
    def url(self) -> str:
        return self._server.url

    def __enter__(self) -> Self:
        self._server.start()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stopping.set()
        self._server.stop()
        self._thread.join()

    def _supervise(self) -> None:
        pause, ends = self._first_pause_seconds, 0
        while True:
            began = time.monotonic()
            status = self._server.wait()
            if self._stopping.is_set():
                return
            if time.monotonic() - began > _HEALTHY_SECONDS:
                pause, ends = self._first_pause_seconds, 0
            ends += 1
            self._tell(f"ended with status {status}", ends, pause)
            while not self._stopping.wait(pause):
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
                try:
                    self._server.start_again()
                    break
                except (EmbeddedRedisFailed, OSError) as fault:  # OSError: a full disk, for one
                    ends += 1
                    self._tell(str(fault), ends, pause)
            if self._stopping.is_set():
                return

    def _tell(self, what: str, ends: int, pause: float) -> None:
        if not self._stopping.is_set():
            log = self._server.folder / LOG
            text = "the embedded Redis (end %s in a row): %s; starting it again in %g s; %s says more"
            logger.error(text, ends, what, pause, log)
