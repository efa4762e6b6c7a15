"""One log line a burst, where every stranger could cause a line each."""

import logging
import time
from collections.abc import Callable

_SECONDS = 10.0


class OncePerBurst(logging.Filter):
    """Lets a message that begins so pass at most every few seconds, with the number of those that were left out."""

    def __init__(self, beginning: str, *, seconds: float = _SECONDS, clock: Callable[[], float] = time.monotonic):
        super().__init__()
        self.beginning = beginning
        self._seconds = seconds
        self._clock = clock
        self._told_at: float | None = None
        self._left_out = 0

    def filter(self, record: logging.LogRecord) -> bool:
        if not str(record.msg).startswith(self.beginning):
            return True
        now = self._clock()
        if self._told_at is not None and now - self._told_at < self._seconds:
            self._left_out += 1
            return False
        if self._left_out:
            record.msg = f"{record.msg} (and {self._left_out} like it since)"
        self._told_at, self._left_out = now, 0
        return True


def fold_bursts(logger: str, beginning: str) -> None:
    """Let such messages of a logger pass once a burst. Doing it again changes nothing."""
    filters = logging.getLogger(logger).filters
    if not any(isinstance(found, OncePerBurst) and found.beginning == beginning for found in filters):
        logging.getLogger(logger).addFilter(OncePerBurst(beginning))
