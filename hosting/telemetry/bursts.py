"""One log line a burst, where every stranger could cause a line each."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

_SECONDS = 10.0
_KINDS = 64  # that are told apart at a time; there is no end to what strangers may cause


@dataclass
class _Burst:
    told_at: float
    left_out: int = 0


class OncePerBurst(logging.Filter):
    """Lets a message that begins so pass at most every few seconds, with the number of those that were left out. Those
    whose record has another `by`, an attribute, are of other bursts."""

    def __init__(
        self,
        beginning: str,
        *,
        by: str | None = None,
        seconds: float = _SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ):
        super().__init__()
        self.beginning = beginning
        self._by = by
        self._seconds = seconds
        self._clock = clock
        self._bursts: dict[str, _Burst] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not str(record.msg).startswith(self.beginning):
            return True
        now, kind = self._clock(), self._kind(record)
        burst = self._bursts.get(kind)
        if burst is not None and now - burst.told_at < self._seconds:
            burst.left_out += 1
            return False
        if burst is not None and burst.left_out:
            record.msg = f"{record.msg} (and {burst.left_out} like it since)"
        self._bursts[kind] = _Burst(told_at=now)
        return True

    def _kind(self, record: logging.LogRecord) -> str:
        """A new one takes the place of those that are over; where there is none, it is one of all others."""
        kind = "" if self._by is None else str(getattr(record, self._by, ""))
        if kind not in self._bursts and len(self._bursts) >= _KINDS:
            before = self._clock() - self._seconds
            self._bursts = {known: burst for known, burst in self._bursts.items() if burst.told_at > before}
            if len(self._bursts) >= _KINDS:
                return ""
        return kind


def fold_bursts(logger: str, beginning: str, *, by: str | None = None) -> None:
    """Let such messages of a logger pass once a burst. Doing it again changes nothing."""
    filters = logging.getLogger(logger).filters
    if not any(isinstance(found, OncePerBurst) and found.beginning == beginning for found in filters):
        logging.getLogger(logger).addFilter(OncePerBurst(beginning, by=by))
