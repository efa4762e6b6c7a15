"""Pace: what the engine gets done in a second now, and how large a batch may be for it (torch-free)."""

import math
import threading

_SMOOTHING = 0.2  # share of the newest batch in the estimate
_WORTHWHILE = 16  # images of a batch; smaller ones cost much more an image, however slow the engine (docs/log.md)


class Pace:
    """Batches grow to `max_batch` predictions, or to what takes about `max_batch_s`: who comes while one runs has to
    wait for its end. Thread-safe."""

    def __init__(self, *, max_batch: int, max_batch_s: float = math.inf) -> None:
        self._max_batch = max_batch
        self._max_batch_s = max_batch_s
        self._lock = threading.Lock()
        self._seconds_each = 0.0

    def ran(self, predictions: int, seconds: float) -> None:
        """Take note of how long a batch took."""
        with self._lock:
            each = seconds / predictions
            self._seconds_each += (each - self._seconds_each) * (_SMOOTHING if self._seconds_each else 1.0)

    @property
    def seconds_each(self) -> float:
        """Of the engine, for a prediction; 0 before the first."""
        with self._lock:
            return self._seconds_each

    @property
    def batch(self) -> int:
        """Predictions that may go into the next batch."""
        each = self.seconds_each
        in_time = self._max_batch_s / each if each else math.inf
        return int(min(self._max_batch, max(_WORTHWHILE, in_time)))
