import dataclasses
import logging

import pytest

from hosting.telemetry.bursts import OncePerBurst, fold_bursts


@dataclasses.dataclass
class _Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def _record(message: str) -> logging.LogRecord:
    return logging.LogRecord("edge", logging.WARNING, __file__, 1, message, (7,), None)


def test_a_burst_is_one_line_and_the_next_one_says_how_many_there_were() -> None:
    clock = _Clock()
    folded = OncePerBurst("refusing %s", seconds=10, clock=clock)
    assert [folded.filter(_record("refusing %s")) for _ in range(5)] == [True, False, False, False, False]
    assert folded.filter(_record("something else %s"))
    clock.now = 10
    later = _record("refusing %s")
    assert folded.filter(later)
    assert later.getMessage() == "refusing 7 (and 4 like it since)"
    clock.now = 20
    last = _record("refusing %s")
    assert folded.filter(last)
    assert last.getMessage() == "refusing 7"


def _failure(failure: str) -> logging.LogRecord:
    return logging.makeLogRecord({**vars(_record("failed %s")), "failure": failure})


def test_failures_of_another_kind_are_bursts_of_their_own() -> None:
    clock = _Clock()
    folded = OncePerBurst("failed", by="failure", seconds=10, clock=clock)
    assert [folded.filter(_failure(kind)) for kind in ("disk", "engine", "disk", "engine", "disk")] == [
        *(True, True),
        *(False, False, False),
    ]
    clock.now = 10
    later = _failure("disk")
    assert folded.filter(later)
    assert later.getMessage() == "failed 7 (and 2 like it since)"


def test_kinds_without_end_are_one_burst_until_earlier_ones_are_over() -> None:
    clock = _Clock()
    folded = OncePerBurst("failed", by="failure", seconds=10, clock=clock)
    assert sum(folded.filter(_failure(f"task {number}")) for number in range(1000)) == 65
    clock.now = 10
    assert folded.filter(_failure("another"))


def test_it_is_installed_once(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        fold_bursts("tests.bursts", "again")
    assert len(logging.getLogger("tests.bursts").filters) == 1
    for _ in range(3):
        logging.getLogger("tests.bursts").warning("again and again")
    assert caplog.messages == ["again and again"]
