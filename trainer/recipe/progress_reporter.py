"""How far a tailoring is and how long it will take, over runs of very different length."""

import time
from collections.abc import Callable, Mapping

from trainer.events import Event, Json


class ProgressReporter:
    """Turns finished work into events. Work is counted in image passes, weighted by what a pass costs."""

    def __init__(self, expected: float, report: Callable[[Event], None]) -> None:
        self.expected = expected
        self.done = 0.0
        self.stage = "teacher"
        self._report = report
        self._started = time.monotonic()
        self._highest = 0.0

    def enter(self, stage: str, **fields: Json) -> None:
        self.stage = stage
        self._emit("stage", fields)

    def epoch(self, work: float, fields: Mapping[str, Json]) -> None:
        self.done += work
        self._emit("epoch", fields)

    def candidate(self, fields: Mapping[str, Json]) -> None:
        self._emit("candidate", fields)

    def log(self, message: str) -> None:
        self._emit("log", {"message": message})

    def settle(self) -> None:
        """All work is done, whatever was expected."""
        self.expected = self.done

    def _emit(self, kind: str, fields: Mapping[str, Json]) -> None:
        # Never backwards, and never quite 1: the job ends with its publication.
        self._highest = max(self._highest, min(0.99, self.done / max(self.expected, self.done, 1.0)))
        elapsed = time.monotonic() - self._started
        left = elapsed * (1 - self._highest) / self._highest if self._highest > 0 else None
        seconds_left: dict[str, Json] = {} if left is None else {"seconds_left": round(left, 1)}
        event = Event(kind=kind, stage=self.stage, progress=self._highest, fields={**fields, **seconds_left})  # type: ignore[arg-type]  # one of the five kinds above
        self._report(event)
