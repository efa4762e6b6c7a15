"""The scheduler's thread, with an engine that does as it is told."""

import contextlib
import itertools
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from typing import Any

import numpy as np
import pytest

from server.errors import DeadlineExceeded, InferenceFailed, NotReady, Overloaded
from server.scheduling.admission import Admission
from server.scheduling.queues import FairQueues
from server.scheduling.scheduler import Scheduler
from server.scheduling.work import BatchKey, Item, Ranking, Work
from tests.waiting import until

IMAGE = np.zeros((3, 1, 1), np.uint8)


class FakeEngine:
    """Answers (part's number, image's index); breaks on `poison`; waits for `go` where told to."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()
        self.began = threading.Event()
        self.batches: list[list[str]] = []
        self.steps: list[tuple[str, int]] = []

    def __call__(self, batch: Sequence[Item[int]]) -> list[list[Ranking]]:
        return self.begin(batch)()

    def begin(self, batch: Sequence[Item[int]]) -> Callable[[], list[list[Ranking]]]:
        number = len(self.batches)
        self.batches.append([task for item in batch for task in item.work.tasks])
        self.steps.append(("begun", number))
        self.began.set()
        if any("venom" in item.work.tasks for item in batch):
            raise ValueError("poisoned at once")

        def answers() -> list[list[Ranking]]:
            assert self.go.wait(30)
            self.steps.append(("done", number))
            if any("poison" in item.work.tasks for item in batch):
                raise ValueError("poisoned")
            return [[[(part, float(item.index))] for part in item.work.parts] for item in batch]

        return answers


class Batches:
    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []

    def batch_ran(self, **figures: Any) -> None:
        self.seen.append(figures)


class House:
    def __init__(
        self, *, overlaps: bool = False, side_by_side: int = 1, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.engine, self.batches = FakeEngine(), Batches()
        queues: FairQueues[int] = FairQueues(max_rows=4, max_wait_s=0, side_by_side=side_by_side)
        begin = self.engine.begin if overlaps else None
        self.scheduler: Scheduler[int] = Scheduler(
            queues, self.engine, self.batches, begin=begin, side_by_side=side_by_side, clock=clock
        )

    def submit(self, *tasks: str, images: int = 1, timeout_s: float = 30) -> Work[int]:
        work: Work[int] = Work(
            tasks=tasks,
            versions=(1,) * len(tasks),
            parts=tuple(range(len(tasks))),
            images=[IMAGE] * images,
            key=BatchKey("backbone", 1),
            top_k=1,
            priority=0,
            deadline=time.monotonic() + timeout_s,
        )
        self.scheduler.submit(work)
        return work


@pytest.fixture(params=[False, True], ids=["one after another", "overlapping"])
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    house = House(overlaps=request.param)
    house.scheduler.start()
    yield house
    house.engine.go.set()
    house.scheduler.stop()


def occupy(house: House) -> Work[int]:
    """Keep the engine busy until `go` is set."""
    house.engine.go.clear()
    house.engine.began.clear()
    work = house.submit("busy")
    assert house.engine.began.wait(30)
    return work


def test_every_image_and_part_is_answered(house: House) -> None:
    outcome = house.submit("a", "b", images=5).future.result(30)
    assert outcome.rankings == [[[(part, float(image))] for part in (0, 1)] for image in range(5)]
    assert outcome.queue_s >= 0
    assert outcome.inference_s > 0
    assert sum(figures["images"] for figures in house.batches.seen) == 5
    assert sum(figures["predictions"] for figures in house.batches.seen) == 10


def test_what_ran_is_let_go_while_nothing_waits(house: House) -> None:
    work = house.submit("a")
    work.future.result(30)
    ran = weakref.ref(work)
    del work
    until(lambda: ran() is None)


@pytest.mark.parametrize("poison", ["poison", "venom"])
def test_only_the_request_that_broke_the_batch_fails(house: House, poison: str) -> None:
    first = occupy(house)
    works = [house.submit(task) for task in ("a", poison, "b")]
    house.engine.go.set()
    first.future.result(30)
    assert works[0].future.result(30).rankings
    assert works[2].future.result(30).rankings
    with pytest.raises(InferenceFailed):
        works[1].future.result(30)
    assert ["a", "b", poison] in [sorted(batch) for batch in house.engine.batches]


def test_a_batch_that_is_due_begins_before_the_last_one_is_done() -> None:
    """And the engine's time counts once: eight moments pass from the first beginning to the last answer."""
    house = House(overlaps=True, clock=itertools.count().__next__)
    work = house.submit("a", images=12)
    house.scheduler.start()
    assert len(work.future.result(30).rankings) == 12
    house.scheduler.stop()
    begun, done = ([(step, number) for number in range(3)] for step in ("begun", "done"))
    assert house.engine.steps == [begun[0], begun[1], done[0], begun[2], done[1], done[2]]
    assert sum(figures["seconds"] for figures in house.batches.seen) == 8


@pytest.fixture
def two_lanes() -> Iterator[House]:
    house = House(side_by_side=2)
    house.scheduler.start()
    yield house
    house.engine.go.set()
    house.scheduler.stop()


def test_side_by_side_a_batch_begins_while_another_one_runs(two_lanes: House) -> None:
    slow = occupy(two_lanes)
    other = two_lanes.submit("other")
    until(lambda: len(two_lanes.engine.batches) == 2)
    waits = two_lanes.submit("a", images=2)
    assert two_lanes.scheduler.depth == 2
    two_lanes.engine.go.set()
    assert all(len(work.future.result(30).rankings) == len(work.images) for work in (slow, other, waits))


def test_side_by_side_a_request_is_shared_and_its_time_counts_once(two_lanes: House) -> None:
    two_lanes.engine.go.clear()
    work = two_lanes.submit("a", images=4)
    until(lambda: len(two_lanes.engine.batches) == 2)
    assert [len(batch) for batch in two_lanes.engine.batches] == [2, 2]
    two_lanes.engine.go.set()
    outcome = work.future.result(30)
    assert outcome.rankings == [[[(0, float(image))]] for image in range(4)]
    assert outcome.inference_s > 0
    assert outcome.queue_s >= 0
    assert sum(figures["seconds"] for figures in two_lanes.batches.seen) <= outcome.inference_s + outcome.queue_s


def test_side_by_side_only_what_broke_fails(two_lanes: House) -> None:
    slow = occupy(two_lanes)
    also = occupy(two_lanes)
    works = [two_lanes.submit(task) for task in ("a", "poison", "b", "c", "venom")]
    two_lanes.engine.go.set()
    for work in (slow, also, works[0], works[2], works[3]):
        assert work.future.result(30).rankings
    for work in (works[1], works[4]):
        with pytest.raises(InferenceFailed):
            work.future.result(30)


def test_side_by_side_stopping_answers_what_waits(two_lanes: House) -> None:
    works = [occupy(two_lanes), occupy(two_lanes), *(two_lanes.submit("a", images=3) for _ in range(5))]
    stopper = threading.Thread(target=two_lanes.scheduler.stop)
    stopper.start()
    two_lanes.engine.go.set()
    stopper.join(30)
    assert all(len(work.future.result(0).rankings) == len(work.images) for work in works)


def test_deadline_in_the_queue_and_cancellation(house: House) -> None:
    first = occupy(house)
    late, cancelled, patient = house.submit("a", timeout_s=0), house.submit("c"), house.submit("b")
    assert cancelled.future.cancel()
    house.engine.go.set()
    with pytest.raises(DeadlineExceeded):
        late.future.result(30)
    with pytest.raises(CancelledError):
        cancelled.future.result(30)
    assert patient.future.result(30).rankings
    assert first.future.result(30).rankings
    assert "c" not in [task for batch in house.engine.batches for task in batch]


def test_stopping_answers_what_waits(house: House) -> None:
    first = occupy(house)
    waiting = [house.submit("a") for _ in range(10)]
    assert house.scheduler.depth == 10
    stopper = threading.Thread(target=house.scheduler.stop)
    stopper.start()
    house.engine.go.set()
    stopper.join(30)
    assert all(work.future.done() for work in [first, *waiting])
    with pytest.raises(NotReady):
        house.submit("a")


def test_admission_bounds_each_task_and_the_house() -> None:
    admission = Admission(bound=10, bound_per_task=6)
    admission.enter(("busy",), 6)
    with pytest.raises(Overloaded) as refused:
        admission.enter(("busy",), 1)
    assert refused.value.retry_after_seconds == 1
    admission.enter(("quiet", "calm"), 2)
    with pytest.raises(Overloaded):
        admission.enter(("quiet",), 1)
    admission.ran(2, 3.0)
    with pytest.raises(Overloaded) as refused:
        admission.enter(("quiet",), 1)
    assert refused.value.retry_after_seconds == 15
    admission.leave(("quiet", "calm"), 2)
    admission.leave(("busy",), 6)
    assert admission.under_way == 0
    admission.enter(("one", "one"), 50)  # alone, however large
    admission.leave(("one", "one"), 50)
    assert admission.under_way == 0


def test_admission_shrinks_to_what_a_slow_engine_gets_done_in_time() -> None:
    admission = Admission(bound=512, bound_per_task=256, bound_s=0.25, max_batch=8)
    assert _admitted(admission, "any") == 256  # nothing is known of the engine yet
    admission.ran(32, 32 * 0.002)
    assert _admitted(admission, *(f"task-{i}" for i in range(8))) == 125
    assert _admitted(admission, "busy") == 62
    for _ in range(100):
        admission.ran(1, 1.0)
    assert _admitted(admission, *(f"task-{i}" for i in range(8))) == 16  # two batches
    assert _admitted(admission, "busy") == 12


def _admitted(admission: Admission, *tasks: str) -> int:
    """How many single images get in, tasks in turn, before the first is refused; all leave again."""
    entered: list[str] = []
    with contextlib.suppress(Overloaded):
        for task in itertools.cycle(tasks):
            admission.enter((task,), 1)
            entered.append(task)
    for task in entered:
        admission.leave((task,), 1)
    return len(entered)
