"""How long a process was at it: time in which the machine slept, or the process was stopped, does not count."""

import threading
import time
from collections.abc import Callable

_LONGEST_STEP_S = 30.0  # between two readings of a process that is awake


class AwakeTime:
    """Seconds since it was made; thread-safe. To be read every few seconds: of more than `longest_step_s` between
    two readings, nothing counts. `clock` counts seconds."""

    def __init__(self, *, longest_step_s: float = _LONGEST_STEP_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._longest_step_s = longest_step_s
        self._clock = clock
        self._lock = threading.Lock()
        self._counted_s = 0.0
        self._read_at = clock()

    @property
    def seconds(self) -> float:
        with self._lock:
            present = self._clock()
            step = present - self._read_at
            self._read_at = present
            self._counted_s += step if step <= self._longest_step_s else 0.0
            return self._counted_s
