"""What the board says is what admission would say."""

import pytest

from server.errors import Overloaded
from server.link.board import Board
from server.scheduling.admission import Admission


@pytest.fixture
def admission() -> Admission:
    return Admission(bound=6, bound_per_task=4)


@pytest.fixture
def seen(admission: Admission) -> Board:
    """As another process has it."""
    board = Board()
    admission.changed = board.show
    return Board(board.descriptor)


def _refusal(check: object, *tasks: str) -> tuple[str, int] | None:
    assert callable(check)
    try:
        check(tasks)
    except Overloaded as refusal:
        return str(refusal), refusal.retry_after_seconds
    return None


def test_the_board_refuses_what_admission_refuses(admission: Admission, seen: Board) -> None:
    assert _refusal(seen.check, "signs") is None  # nothing is known yet
    steps = [("signs", 3), ("signs", 1), ("flowers", 1), ("flowers", 1), ("signs", -4), ("flowers", -2)]
    refused = 0
    for task, images in steps:
        if images > 0:
            admission.enter((task,), images)
        else:
            admission.leave((task,), -images)
        admission.ran(1, 2.0)
        for tasks in (("signs",), ("flowers",), ("trees",), ("flowers", "trees"), ("signs", "trees")):
            assert _refusal(seen.check, *tasks) == _refusal(admission.check, *tasks)
            refused += _refusal(seen.check, *tasks) is not None
    assert refused > 5


def test_a_task_that_hides_another_refuses_nobody(admission: Admission, seen: Board) -> None:
    hidden, hiding = _two_of_one_place()
    admission.enter((hidden,), 4)
    assert _refusal(seen.check, hidden) is not None
    admission.enter((hiding,), 1)
    assert _refusal(seen.check, hidden) is None
    assert _refusal(seen.check, hiding) is None


def _two_of_one_place() -> tuple[str, str]:
    from server.link import board

    places: dict[int, str] = {}
    for number in range(10_000):
        task = f"task-{number}"
        _, place = board._hash(task)
        if place in places:
            return places[place], task
        places[place] = task
    raise AssertionError("more places than tasks")
