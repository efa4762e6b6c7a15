"""What a front counts, told to the engine's process, which keeps the metrics of all (torch-free).

So there is one page of metrics, and series of deleted tasks go away as in a single process. Reports are sent a few
times a second, and when somebody looks at the page.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from hosting.access.rates.rate_limit import REASON
from server.prediction.images import Observer
from server.prediction.parts import Counts

_MOST = 10_000  # answers that are remembered while there is no engine
_MOST_NAMES = 100_000  # that these name; one request can name thousands, whether there are such tasks or not


class Counting(Counts, Observer, Protocol):
    """Where reports end."""


class Reports:
    """The counts of one front. `filled` is called when there is something to report, after there was nothing."""

    def __init__(self) -> None:
        self.filled: Callable[[], None] = lambda: None
        self._answered: list[tuple[list[str], int, float]] = []
        self._names = 0  # in these
        self._preprocessed: deque[float] = deque(maxlen=_MOST)
        self._refused: Counter[str] = Counter()

    def answered(self, tasks: Iterable[str], code: int, seconds: float) -> None:
        if len(self._answered) < _MOST and self._names < _MOST_NAMES:
            names = list(dict.fromkeys(tasks))
            self._answered.append((names, code, seconds))
            self._names += len(names)
        self.filled()

    def refused(self, reason: str) -> None:
        self._refused[reason] += 1
        self.filled()

    def rate_refused(self) -> None:
        self.refused(REASON)

    def preprocessed(self, seconds: float) -> None:
        """Called by threads that decode. What they add is told with the answers that they were for."""
        self._preprocessed.append(seconds)

    def taken(self) -> dict[str, Any]:
        """All since the last time, as a document."""
        answered, self._answered, self._names = self._answered, [], 0
        preprocessed = [self._preprocessed.popleft() for _ in range(len(self._preprocessed))]
        refused, self._refused = self._refused, Counter()
        return {"answered": answered, "refused": dict(refused), "preprocessed": preprocessed}


def pass_on(document: Mapping[str, Any], counts: Counting) -> None:
    for tasks, code, seconds in document["answered"]:
        counts.answered(tasks, code, seconds)
    for reason, times in document["refused"].items():
        for _ in range(times):
            counts.refused(reason)
    for seconds in document["preprocessed"]:
        counts.preprocessed(seconds)
