"""Chores are done at the start and again and again, and one that fails holds up no other."""

import logging

import pytest

from hosting.disk.housekeeping import Housekeeping
from tests.waiting import until


def test_they_are_done_at_the_start_and_then_again_and_again() -> None:
    done: list[str] = []

    def chore() -> int:
        done.append("chore")
        return 0

    with Housekeeping({"things": chore}):
        until(lambda: done == ["chore"])  # and the next time in a minute, which leaving does not wait for
    with Housekeeping({"things": chore}, every_seconds=0.001):
        until(lambda: len(done) > 4)


def test_one_that_fails_holds_up_no_other(caplog: pytest.LogCaptureFixture) -> None:
    def full() -> int:
        raise OSError(28, "No space left on device")

    def broken() -> int:
        raise ZeroDivisionError

    with caplog.at_level(logging.INFO):
        Housekeeping({"one": full, "two": broken, "three": lambda: 0, "four": lambda: 7}).do()
    assert caplog.messages == [
        "housekeeping of one: [Errno 28] No space left on device",
        "housekeeping of two failed",
        "housekeeping: 7 bytes of four removed",
    ]
