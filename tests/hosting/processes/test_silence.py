"""Silence is counted by whoever looks, while it looks."""

from hosting.processes.silence import Silence


class Clock:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_who_changes_is_heard_and_who_does_not_falls_silent() -> None:
    clock = Clock()
    silence = Silence(patience_s=6.0, clock=clock)
    for second in range(7):
        clock.seconds = 100.0 + second
        assert not silence.is_broken_off("heard", second)
        assert silence.is_broken_off("silent", "the same") == (second == 6)
    assert not silence.is_broken_off("silent", "another")


def test_time_in_which_nobody_looked_counts_for_one_look_only() -> None:
    """The machine slept for an hour, or the clock was set forth; what slept too has its turn before it is silent."""
    clock = Clock()
    silence = Silence(patience_s=6.0, looks=3, clock=clock)
    assert not silence.is_broken_off("slept", 1)
    looks = 0
    while not silence.is_broken_off("slept", 1):
        looks, clock.seconds = looks + 1, clock.seconds + 3600
    assert looks == 3


def test_who_went_and_came_back_is_seen_for_the_first_time() -> None:
    clock = Clock()
    silence = Silence(patience_s=1.0, looks=1, clock=clock)
    silence.is_broken_off("one", 1)
    silence.keep_only(["another"])
    clock.seconds += 1
    assert not silence.is_broken_off("one", 1)
