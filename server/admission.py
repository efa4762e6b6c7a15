"""Admission: how many predictions may be under way, in all and for one task (torch-free)."""

import math
import threading
from collections import Counter
from collections.abc import Sequence

from server.errors import Overloaded

_SMOOTHING = 0.2  # share of the newest batch in the estimate of seconds a prediction


class Admission:
    """Counts predictions (one image for one task) from admission to answer. Thread-safe.

    One busy task meets its own bound before it can fill the house for the others.
    """

    def __init__(self, *, bound: int, bound_per_task: int) -> None:
        self._bound = bound
        self._bound_per_task = bound_per_task
        self._lock = threading.Lock()
        self._by_task: Counter[str] = Counter()
        self._seconds_each = 0.0

    @property
    def under_way(self) -> int:
        with self._lock:
            return self._by_task.total()

    def enter(self, tasks: Sequence[str], images: int) -> None:
        """Admit `images` for each task, all or none. Raises `Overloaded`.

        A request beyond a bound by itself is admitted when nothing else is under way.
        """
        with self._lock:
            total = self._by_task.total()
            if total and total + images * len(tasks) > self._bound:
                raise self._overloaded("the server", total, self._bound)
            wanted = Counter({task: images * times for task, times in Counter(tasks).items()})
            for task, count in wanted.items():
                waiting = self._by_task[task]
                if waiting and waiting + count > self._bound_per_task:
                    raise self._overloaded(f"task {task!r}", waiting, self._bound_per_task)
            self._by_task += wanted

    def leave(self, tasks: Sequence[str], images: int) -> None:
        with self._lock:
            for task in tasks:
                self._by_task[task] -= images
                assert self._by_task[task] >= 0, f"{task} left more often than it entered"
                if not self._by_task[task]:
                    del self._by_task[task]

    def ran(self, predictions: int, seconds: float) -> None:
        """Take note of how long a batch took, for `Retry-After`."""
        with self._lock:
            each = seconds / predictions
            self._seconds_each += (each - self._seconds_each) * (_SMOOTHING if self._seconds_each else 1.0)

    def _overloaded(self, scope: str, waiting: int, bound: int) -> Overloaded:
        seconds = max(1, math.ceil(waiting * self._seconds_each))
        return Overloaded(scope, waiting=waiting, bound=bound, retry_after_seconds=seconds)
