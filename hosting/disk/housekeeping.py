"""Chores of a process that lives long: done at its start, soon after, and then every hour."""

import logging
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

logger = logging.getLogger(__name__)

_SOON_SECONDS = 60.0  # what was too young to be told from what is being written at the start
_EVERY_SECONDS = 3600.0

Chore = Callable[[], int]  # returns how many bytes it freed


class Housekeeping:
    """A context manager over a thread. `chores` are named by what they remove."""

    def __init__(self, chores: Mapping[str, Chore], *, every_seconds: float = _EVERY_SECONDS) -> None:
        self._chores = chores
        self._every_seconds = every_seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep_doing, name="housekeeping", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stopping.set()
        self._thread.join()

    def do(self) -> None:
        """Every chore once."""
        for name, chore in self._chores.items():
            if self._stopping.is_set():
                return
            try:
                freed = chore()
            except OSError as fault:
                logger.warning("housekeeping of %s: %s", name, fault)
            except Exception:  # one chore that fails must not end the others, nor the next round
                logger.exception("housekeeping of %s failed", name)
            else:
                if freed:
                    logger.info("housekeeping: %s bytes of %s removed", freed, name)

    def _keep_doing(self) -> None:
        self.do()
        pause = min(_SOON_SECONDS, self._every_seconds)
        while not self._stopping.wait(pause):
            self.do()
            pause = self._every_seconds
