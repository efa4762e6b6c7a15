"""Fairness, deadlines and the closing of batches, on a clock of the test's own."""

import math
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from server.scheduling.queues import FairQueues
from server.scheduling.work import BatchKey, Item, Progress, Work

IMAGE = np.zeros((3, 1, 1), np.uint8)
ENOUGH = {32: 3, 64: 5}  # rows, by side of the images


def item(
    *tasks: str, side: int = 32, priority: int = 0, deadline: float = float("inf"), parts: int | None = None
) -> Item[Any]:
    work: Work[Any] = Work(
        tasks=tasks,
        versions=(1,) * len(tasks),
        parts=(None,) * (parts or len(tasks)),
        images=[IMAGE],
        key=BatchKey("backbone", side),
        top_k=1,
        priority=priority,
        deadline=deadline,
        future=Future(),
    )
    return Item(work=work, index=0, progress=Progress(1, 0.0))


def names(batch: Sequence[Item[Any]]) -> list[str]:
    return [task for entry in batch for task in entry.work.tasks]


@settings(max_examples=60)
@given(
    weights=st.lists(st.sampled_from([0.5, 1.0, 2.0, 4.0]), min_size=2, max_size=5),
    max_rows=st.integers(1, 9),
    order=st.randoms(use_true_random=False),
)
def test_backlogged_tasks_share_by_weight(weights: list[float], max_rows: int, order: Any) -> None:
    """At every moment while all are backlogged, no two differ by more than one image over their weights."""
    by_task = {f"task{i}": weight for i, weight in enumerate(weights)}
    queues: FairQueues[Any] = FairQueues(max_rows=max_rows, max_wait_s=0, weights=by_task)
    arrivals = [task for task in by_task for _ in range(60)]
    order.shuffle(arrivals)
    for task in arrivals:
        queues.push(item(task), 0)
    served: Counter[str] = Counter()
    while max(served.values(), default=0) < 60 - max_rows:
        for task in names(queues.take(0)):
            served[task] += 1
            for a, weight_a in by_task.items():
                for b, weight_b in by_task.items():
                    bound = 1 / weight_a + 1 / weight_b
                    assert abs(served[a] / weight_a - served[b] / weight_b) <= bound + 1e-9


def test_a_quiet_task_is_in_the_next_batch() -> None:
    queues: FairQueues[Any] = FairQueues(max_rows=8, max_wait_s=0)
    for _ in range(1000):
        queues.push(item("busy"), 0)
    queues.take(0)
    queues.push(item("quiet"), 0)
    assert names(queues.take(0)).count("quiet") == 1


def test_being_idle_earns_no_credit() -> None:
    queues: FairQueues[Any] = FairQueues(max_rows=10, max_wait_s=0)
    for _ in range(200):
        queues.push(item("early"), 0)
    for _ in range(5):
        queues.take(0)
    for _ in range(200):
        queues.push(item("late"), 0)
    assert Counter(names([i for _ in range(5) for i in queues.take(0)])) == {"early": 25, "late": 25}


def test_priority_orders_within_a_task_only() -> None:
    queues: FairQueues[Any] = FairQueues(max_rows=4, max_wait_s=0)
    entries = [item("a", priority=p) for p in (0, 5, 5, 1)] + [item("b") for _ in range(2)]
    for entry in entries:
        queues.push(entry, 0)
    first, second = queues.take(0), queues.take(0)
    assert [i for i in [*first, *second] if i.work.tasks == ("a",)] == [entries[i] for i in (1, 2, 3, 0)]
    assert names(first).count("b") == 2


def test_a_batch_closes_by_size_or_by_age() -> None:
    queues: FairQueues[Any] = FairQueues(max_rows=2, max_wait_s=1)
    assert (queues.take(0), queues.due_at()) == ([], None)
    queues.push(item("a"), 10)
    assert (queues.take(10.5), queues.due_at()) == ([], 11)
    queues.push(item("b"), 10.6)
    queues.push(item("a", side=64), 10.7)
    assert sorted(names(queues.take(10.7))) == ["a", "b"]
    assert (queues.take(11), queues.due_at()) == ([], 11.7)
    assert names(queues.take(11.7)) == ["a"]
    queues.push(item("a"), 20)
    assert names(queues.take(20, drain=True)) == ["a"]


def test_work_for_many_tasks_is_charged_to_each_and_may_exceed_a_batch_alone() -> None:
    queues: FairQueues[Any] = FairQueues(max_rows=4, max_wait_s=0)
    queues.push(item("a", "b", "c", "d", "e", "f"), 0)
    queues.push(item("a"), 0)
    queues.push(item("z"), 0)
    assert names(queues.take(0)) == ["a", "b", "c", "d", "e", "f"]
    assert names(queues.take(0)) == ["z", "a"]


@pytest.mark.parametrize("at", [5, 6])
def test_expiry(at: float) -> None:
    queues: FairQueues[Any] = FairQueues(max_rows=4, max_wait_s=100)
    late, early = item("a", deadline=9), item("a", deadline=5)
    queues.push(late, 0)
    queues.push(early, 0)
    assert queues.due_at() == 5
    assert queues.expire(4) == []
    assert queues.expire(at) == [early]
    assert (len(queues), queues.due_at()) == (1, 9)
    assert queues.take(at, drain=True) == [late]
    assert queues.expire(100) == []


@pytest.mark.parametrize(
    ("waiting", "running", "taken"),
    [(1, 0, 1), (7, 0, 7), (7, 1, 7), (8, 0, 4), (9, 0, 5), (9, 1, 9), (40, 0, 16), (40, 1, 16)],
)
def test_batches_side_by_side_share_what_waits(waiting: int, running: int, taken: int) -> None:
    queues: FairQueues[Any] = FairQueues(max_rows=32, max_wait_s=0, side_by_side=2, least_rows=4)
    for _ in range(waiting):
        queues.push(item("a"), 0)
    assert len(queues.take(0, running=running)) == taken


class QueueMachine(RuleBasedStateMachine):
    """Whatever is pushed comes out once: served in a fitting batch, or expired in time."""

    @initialize(side_by_side=st.integers(1, 3))
    def begin(self, side_by_side: int) -> None:
        self.side_by_side = side_by_side
        self.queues: FairQueues[Any] = FairQueues(
            max_rows=9, max_wait_s=2, enough=lambda key: ENOUGH[key.side], side_by_side=side_by_side
        )
        self.inside: dict[Item[Any], float] = {}
        self.now = 0.0

    @rule(
        tasks=st.lists(st.sampled_from("abcde"), min_size=1, max_size=4, unique=True),
        side=st.sampled_from(sorted(ENOUGH)),
        priority=st.integers(-1, 1),
        patience=st.integers(1, 9),
    )
    def push(self, tasks: list[str], side: int, priority: int, patience: int) -> None:
        entry = item(*tasks, side=side, priority=priority, deadline=self.now + patience)
        self.queues.push(entry, self.now)
        self.inside[entry] = self.now

    @rule(seconds=st.integers(0, 3))
    def wait(self, seconds: int) -> None:
        self.now += seconds
        expired = self.queues.expire(self.now)
        assert set(expired) == {entry for entry in self.inside if entry.work.deadline <= self.now}
        for entry in expired:
            del self.inside[entry]

    @rule(busy=st.integers(0, 2))
    def take(self, busy: int) -> None:
        running = min(busy, self.side_by_side - 1)
        batch = self.queues.take(self.now, running=running)
        lanes = {side: [entry for entry in self.inside if entry.work.key.side == side] for side in ENOUGH}
        due = [
            side
            for side, lane in lanes.items()
            if lane and (sum(e.cost for e in lane) >= ENOUGH[side] or min(self.inside[e] for e in lane) + 2 <= self.now)
        ]
        assert bool(batch) == bool(due)
        assert len({entry.work.key.side for entry in batch} - set(due)) == 0
        assert len({entry.work.key for entry in batch}) <= 1
        assert len(batch) <= 1 or sum(entry.cost for entry in batch) <= self.most(batch[0].work.key.side, running)
        for entry in batch:
            del self.inside[entry]

    def most(self, side: int, running: int) -> int:
        rows = sum(entry.cost for entry in self.inside if entry.work.key.side == side)
        share = math.ceil(rows / (self.side_by_side - running))
        return ENOUGH[side] if rows < self.side_by_side else min(share, math.ceil(ENOUGH[side] / self.side_by_side))

    @invariant()
    def nothing_is_lost(self) -> None:
        assert len(self.queues) == len(self.inside)
        due_at = self.queues.due_at()
        assert (due_at is None) == (not self.inside)


TestQueues = QueueMachine.TestCase
TestQueues.settings = settings(max_examples=60, stateful_step_count=40)
