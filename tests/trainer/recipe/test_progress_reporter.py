"""What is told of the time that is left: nothing before it can be known, then about what it will be."""

import pytest
from torch import nn

from trainer.events import Event
from trainer.recipe.progress_reporter import ProgressReporter
from trainer.training.fit import Epoch
from trainer.training.schedule import Schedule

IMAGES = 100
EPOCHS = 50
SCHEDULE = Schedule(epochs=EPOCHS, lr=0.1, batch_size=32)


class Tailoring:
    """A teacher of so many epochs of ten seconds each, after a long beginning; every event is kept."""

    def __init__(self, **limits: float) -> None:
        self.now = 0.0
        self.events: list[Event] = []
        allowed = limits.get("limit_s", float("inf"))
        self.progress = ProgressReporter(
            self.events.append, images=IMAGES, limit_s=lambda: allowed - self.now, clock=lambda: self.now
        )
        self.progress.expected = EPOCHS * IMAGES
        self.now += 360.0

    def epochs(self, count: int, *, run: str = "teacher-lr0.01") -> list[float | None]:
        """What was told after each."""
        told: list[float | None] = []
        for number in range(count):
            self.now += 10.0
            self.progress.epoch(run, SCHEDULE, epoch(number), nn.Identity())
            told.append(self.events[-1].fields.get("seconds_left"))  # type: ignore[arg-type]  # a number, if it is there
        return told


def epoch(number: int) -> Epoch:
    return Epoch(number=number + 1, seconds=10.0, waited=0.0, accuracy=0.5, losses={})


def test_a_long_beginning_says_nothing_of_the_rest() -> None:
    told = Tailoring().epochs(EPOCHS)
    assert told[0] is None
    left = [10.0 * (EPOCHS - done) for done in range(1, EPOCHS + 1)]
    assert told[1:] == pytest.approx(left[1:])


def test_what_an_earlier_attempt_trained_is_done_but_sets_no_pace() -> None:
    tailoring = Tailoring()
    tailoring.progress.run("fold0/teacher-lr0.1", [epoch(number) for number in range(20)])
    told = tailoring.epochs(10)
    assert told[-1] == pytest.approx(10.0 * (EPOCHS - 30))
    tailoring.progress.run("fold0/teacher-lr0.01", [epoch(number) for number in range(15)])  # five were restored
    told = tailoring.epochs(1)
    assert told[-1] == pytest.approx(10.0 * (EPOCHS - 36))
    assert tailoring.events[-1].progress == pytest.approx(36 / EPOCHS)


def test_never_more_than_is_allowed() -> None:
    tailoring = Tailoring(limit_s=500.0)
    told = tailoring.epochs(10)
    assert told[-1] == pytest.approx(500.0 - 460.0)
