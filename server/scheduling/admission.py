"""Admission: how many predictions may be under way, in all and for one task (torch-free)."""

import math
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from server.errors import Overloaded

_HOUSE_BATCHES, _TASK_BATCHES = 2.0, 1.5  # full ones that may always be under way: one that runs, one that waits
_SMOOTHING = 0.2  # share of the newest batch in the estimate of seconds a prediction


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How full it is, as far as some tasks are concerned."""

    total: int  # predictions under way
    by_task: Mapping[str, int]  # of these tasks
    bound: int
    bound_per_task: int
    seconds_each: float  # that a prediction takes

    def check(self, wanted: "Counter[str]") -> None:
        """Whether so many predictions of each task could enter. Raises `Overloaded`."""
        if self.total and self.total + wanted.total() > self.bound:
            raise self._overloaded("the server", self.total, self.bound)
        for task, count in wanted.items():
            waiting = self.by_task[task]
            if waiting and waiting + count > self.bound_per_task:
                raise self._overloaded(f"task {task!r}", waiting, self.bound_per_task)

    def _overloaded(self, scope: str, waiting: int, bound: int) -> Overloaded:
        seconds = max(1, math.ceil(waiting * self.seconds_each))
        return Overloaded(scope, waiting=waiting, bound=bound, retry_after_seconds=seconds)


class Admission:
    """Counts predictions (one image for one task) from admission to answer. Thread-safe.

    One busy task meets its own bound before it can fill the house for the others. Where the engine would take longer
    than `bound_s` for that many, both shrink in proportion: what is accepted beyond that only waits. They stay above
    what keeps batches of `max_batch` full, or an estimate made on small, dear batches would turn a burst away.
    """

    def __init__(self, *, bound: int, bound_per_task: int, bound_s: float = math.inf, max_batch: int = 1) -> None:
        self._bound = bound
        self._bound_per_task = bound_per_task
        self._bound_s = bound_s
        self._max_batch = max_batch
        self._lock = threading.Lock()
        self._by_task: dict[str, int] = {}
        self._total = 0
        self._seconds_each = 0.0
        self.changed: Callable[[Standing], None] | None = None  # told within the lock, of the tasks that it is about

    @property
    def under_way(self) -> int:
        with self._lock:
            return self._total

    def enter(self, tasks: Sequence[str], images: int) -> None:
        """Admit `images` for each task, all or none. Raises `Overloaded`.

        A request beyond a bound by itself is admitted when nothing else is under way.
        """
        wanted = Counter({task: images * times for task, times in Counter(tasks).items()})
        with self._lock:
            self._standing(wanted).check(wanted)
            for task, count in wanted.items():
                self._by_task[task] = self._by_task.get(task, 0) + count
            self._total += wanted.total()
            self._tell(wanted)

    def check(self, tasks: Sequence[str]) -> None:
        """Whether an image for each task could enter now, asked before anything is read. Raises `Overloaded`."""
        wanted = Counter(tasks)
        with self._lock:
            self._standing(wanted).check(wanted)

    def leave(self, tasks: Sequence[str], images: int) -> None:
        with self._lock:
            for task in tasks:
                left = self._by_task.pop(task, 0) - images
                assert left >= 0, f"{task} left more often than it entered"
                if left:
                    self._by_task[task] = left
            self._total -= images * len(tasks)
            self._tell(tasks)

    def ran(self, predictions: int, seconds: float) -> None:
        """Take note of how long a batch took, for `Retry-After`."""
        with self._lock:
            each = seconds / predictions
            self._seconds_each += (each - self._seconds_each) * (_SMOOTHING if self._seconds_each else 1.0)
            self._tell(())

    def _tell(self, tasks: Iterable[str]) -> None:
        if self.changed is not None:
            self.changed(self._standing(tasks))

    def _standing(self, tasks: Iterable[str]) -> Standing:
        bound, bound_per_task = self._bounds()
        return Standing(
            total=self._total,
            by_task={task: self._by_task.get(task, 0) for task in tasks},
            bound=bound,
            bound_per_task=bound_per_task,
            seconds_each=self._seconds_each,
        )

    def _bounds(self) -> tuple[int, int]:
        """How many predictions may be under way in all and for one task, as fast as the engine is now."""
        in_time = self._bound_s / self._seconds_each if self._seconds_each else math.inf
        share, full = min(1.0, in_time / self._bound), self._max_batch
        house = max(share * self._bound, _HOUSE_BATCHES * full)
        task = max(share * self._bound_per_task, _TASK_BATCHES * full)
        return int(min(self._bound, house)), int(min(self._bound_per_task, task))
