"""What is told of the time that is left: nothing before it can be known, then about what it will be."""

from dataclasses import replace

import pytest
from torch import nn

from trainer.events import Event
from trainer.recipe.timing.progress_reporter import ProgressReporter
from trainer.recipe.timing.work import IN_PASSES
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
        self.progress.unit = replace(IN_PASSES, around=0.0)  # nothing takes time but the epochs
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
    assert told[:3] == [None, None, None]  # less than a twentieth
    left = [10.0 * (EPOCHS - done) for done in range(1, EPOCHS + 1)]
    assert told[3:] == pytest.approx(left[3:])


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
    assert tailoring.events[-1].progress == pytest.approx(100 / 140)  # of the time there is, not of all the work


def test_what_is_only_possible_is_told_within_a_factor_of_two_or_not_at_all() -> None:
    tailoring = Tailoring()
    tailoring.progress.possible = 10 * IMAGES
    told = tailoring.epochs(EPOCHS)
    for done, left in list(enumerate(told, start=1))[5:]:
        sure, most = 10.0 * (EPOCHS - done), 10.0 * (EPOCHS + 10 - done)
        assert left is None or (most / 2 <= left <= 2 * sure)
    assert told[-5] is not None
    assert told[-3:] == [None, None, None]
    assert 0.8 < tailoring.events[-1].progress < 0.9  # it may be over, or not
    tailoring.progress.settle()
    tailoring.progress.log("over")
    assert tailoring.events[-1].fields["seconds_left"] == 0.0


@pytest.mark.parametrize(
    ("span", "words"),
    [
        ((20, 50), "a minute at the most"),
        ((50, 130), "1 to 3 minutes"),
        ((120, 120), "2 minutes"),
        ((9000, 16000), "2 to 5 hours"),
    ],
)
def test_a_forecast_is_a_span_within_what_is_allowed(span: tuple[float, float], words: str) -> None:
    unlimited = Tailoring()
    unlimited.progress.forecast(*span)
    assert f"about {words}, by the pace" in str(unlimited.events[-1].fields["message"])
    tailoring = Tailoring(limit_s=400.0 + 360.0)
    tailoring.progress.forecast(100.0, 800.0)
    assert tailoring.events[-1].fields["expected_seconds"] == [100.0, 400.0]


def test_what_is_expected_anew_moves_the_bar_without_a_jump_back() -> None:
    tailoring = Tailoring()
    tailoring.epochs(20)
    tailoring.progress.expected = tailoring.progress.done + 10 * IMAGES  # the search ends earlier than was thought
    assert tailoring.epochs(1)[-1] == pytest.approx(90.0)
    assert tailoring.events[-1].progress == pytest.approx(21 / 30)
    tailoring.progress.expected += 100 * IMAGES
    tailoring.epochs(1)
    assert tailoring.events[-1].progress == pytest.approx(21 / 30)
