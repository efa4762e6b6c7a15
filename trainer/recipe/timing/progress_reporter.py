"""How far a tailoring is and how long it will take, over runs of very different length."""

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping

from torch import nn

from nettailor.network.student import Student
from trainer.events import Event, EventKind, Json
from trainer.recipe.timing.work import IN_PASSES
from trainer.training.fit import Epoch
from trainer.training.schedule import Schedule

_TELLING = 0.05  # share of all work that has to be done before its pace says when the rest will be
_FACTOR = 2.0  # by which the time that is told may be wrong


class ProgressReporter:
    """Turns finished work into events.

    `expected` is the work of the whole tailoring, to which what is `possible` may come; `unit` is what an epoch counts
    for, `images` are in the training split of a fold, `validated_on` in its validation split; `history` has the epochs
    of the runs that are done, by "<fold>/<run>". `limit_s` says how many seconds are left where they are limited;
    `clock` counts seconds.

    How long it will take is told from the pace of the epochs trained since the first one ended: what came before (data
    are read, throughput is measured) and what an earlier attempt did say nothing of it. Until enough is done it is not
    told, nor where what is only possible would make it wrong by more than a factor of two. How far the tailoring is, is
    a share of its time once that is known, else of its work.
    """

    def __init__(
        self,
        report: Callable[[Event], None],
        *,
        images: int,
        validated_on: int | None = None,
        limit_s: Callable[[], float] = lambda: math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.expected = 1.0
        self.possible = 0.0
        self.unit = IN_PASSES
        self.history: dict[str, list[Epoch]] = {}
        self._report = report
        self._images = images
        self._validated_on = validated_on
        self._limit_s = limit_s
        self._clock = clock
        self._done = 0.0
        self._epochs_of_run = 0
        self._epochs_elsewhere: Counter[str] = Counter()  # by the run they are of, until that is done
        self._paced_from: tuple[float, float] | None = None  # when the first epoch had ended, and the work done by then
        self._stage = "measure"
        self._highest = 0.0

    def enter(self, stage: str, **fields: Json) -> None:
        self._stage = stage
        self._emit("stage", fields)

    @property
    def done(self) -> float:
        """The work that is done."""
        return self._done

    def forecast(self, shortest_s: float, longest_s: float) -> None:
        """Tell how long it will take, before anything was trained."""
        limit_s = self._limit_s()
        low, high = (round(max(0.0, min(seconds, limit_s)), 1) for seconds in (shortest_s, longest_s))
        message = f"it will take about {in_words(low, high)}, by the pace of a few batches of these data here"
        self._emit("log", {"message": message, "expected_seconds": [low, high]})

    def epoch(self, run: str, schedule: Schedule, epoch: Epoch, model: nn.Module) -> None:
        """An epoch of a run has ended; the first word of the run's name is its kind."""
        self._epochs_of_run += 1
        alphas: dict[str, Json] = {"alphas": shown_alphas(model)} if isinstance(model, Student) else {}
        self._count(run, schedule.epochs, epoch, alphas)

    def epoch_elsewhere(self, name: str, epochs: int, epoch: Epoch) -> None:
        """Another process has trained an epoch of the run "<fold>/<run>", which has so many in all."""
        self._epochs_elsewhere[name] += 1
        self._count(name.rpartition("/")[2], epochs, epoch, {"helped": True})

    def _count(self, run: str, epochs: int, epoch: Epoch, more: Mapping[str, Json]) -> None:
        self._done += self._work(run)
        self._paced_from = self._paced_from or (self._clock(), self._done)
        fields: dict[str, Json] = {
            "run": run,
            "epoch": epoch.number,
            "epochs": epochs,
            "images": self._images,
            "accuracy": epoch.accuracy,
            "validated_on": self._validated_on,
            "seconds": round(epoch.seconds, 3),
            "waited": round(epoch.waited, 3),
            "images_per_second": round(self._images / epoch.seconds, 1) if epoch.seconds else None,
            **{key: round(value, 5) for key, value in epoch.losses.items()},
            **more,
        }
        self._emit("epoch", fields)

    def run(self, name: str, epochs: list[Epoch]) -> None:
        """A run is done; `epochs` are all of it, also those that an earlier attempt trained."""
        self.history[name] = epochs
        counted = self._epochs_of_run + self._epochs_elsewhere.pop(name, 0)
        restored = (len(epochs) - counted) * self._work(name.rpartition("/")[2])
        self._done += restored + self.unit.beside(self._images)
        if self._paced_from is not None:
            self._paced_from = (self._paced_from[0], self._paced_from[1] + restored)
        self._epochs_of_run = 0

    def candidate(self, fields: Mapping[str, Json]) -> None:
        self._emit("candidate", fields)

    def log(self, message: str) -> None:
        self._emit("log", {"message": message})

    def settle(self) -> None:
        """All work is done, whatever was expected."""
        self.expected, self.possible = self._done, 0.0

    def _emit(self, kind: EventKind, fields: Mapping[str, Json]) -> None:
        left = self._seconds_left()
        # Never backwards, and never quite 1: the job ends with its publication.
        self._highest = max(self._highest, min(0.99, self._share_done(left)))
        seconds_left: dict[str, Json] = {} if left is None else {"seconds_left": round(left, 1)}
        self._report(Event(kind=kind, stage=self._stage, progress=self._highest, fields={**fields, **seconds_left}))

    def _share_done(self, left_s: float | None) -> float:
        if left_s is None:
            return self._done / max(self.expected + self.possible, self._done, 1.0)
        done_s = self._pace() * self._done
        return done_s / max(done_s + left_s, 1e-9)

    def _seconds_left(self) -> float | None:
        if self._paced_from is None or self._done - self._paced_from[1] < _TELLING * self.expected:
            return None
        sure = max(0.0, self.expected - self._done)
        most = sure + self.possible
        if most > _FACTOR**2 * sure:
            return None
        left = self._pace() * math.sqrt(sure * most)
        return max(0.0, min(left, self._limit_s()))

    def _pace(self) -> float:
        """Seconds for each unit of work."""
        assert self._paced_from is not None
        since, before = self._paced_from
        return (self._clock() - since) / (self._done - before)

    def _work(self, run: str) -> float:
        """Of an epoch."""
        return self.unit.of(run.partition("-")[0], self._images)


def shown_alphas(student: Student) -> dict[str, Json]:
    """Alphas of the paths into each node, rounded for people."""
    return {str(node): [round(float(a), 4) for a in values] for node, values in student.alpha_values().items()}


def in_words(low_s: float, high_s: float) -> str:
    """A span of time, such as "2 to 5 minutes"."""
    if high_s <= 60:
        return "a minute at the most"
    unit, seconds = ("hours", 3600) if low_s > 2 * 3600 else ("minutes", 60)
    low, high = max(1, math.floor(low_s / seconds)), math.ceil(high_s / seconds)
    return f"{low} to {high} {unit}" if low < high else f"{high} {unit}"
