"""What is made of measured times, on a clock of the test's own."""

import itertools
from collections.abc import Callable, Sequence

import pytest

from server.engine.batch_cost import LARGEST, BatchCost, measured
from server.engine.engine import Engine
from server.kernels.device import CpuDevice
from server.kernels.thread_lanes import ThreadLanes
from tests.server.oracle import backbone


class Machine:
    """On which a batch takes as long as a test says, and a little longer every other time; or so many times as
    long as `others` say, in turn."""

    def __init__(self, seconds: Callable[[int], float], others: Sequence[float] = (1.05, 1.0)) -> None:
        self._seconds, self._others = seconds, itertools.cycle(others)
        self._now = self._spent = 0.0
        self.cores = 2.0  # that run it, where nobody else does

    def run(self, rows: int) -> None:
        seconds = self._seconds(rows)
        self._now += seconds * next(self._others)
        self._spent += seconds * self.cores

    def cost(self, most: int = LARGEST) -> BatchCost:
        cost = self.measured(most)
        assert cost is not None
        return cost

    def measured(self, most: int = LARGEST, *, several: bool = True) -> BatchCost | None:
        return measured(self.run, most=most, several=several, clock=lambda: self._now, spent=lambda: self._spent)


def test_a_large_batch_that_still_gains_is_waited_for() -> None:
    cost = Machine(lambda rows: 0.04 + 0.002 * rows).cost()
    assert max(cost.seconds) == LARGEST
    assert (cost.enough(64), cost.enough(16), cost.enough(200)) == (64, 16, 200)


def test_rows_that_gain_next_to_nothing_are_not_waited_for() -> None:
    cost = Machine(lambda rows: 0.002 + 0.01 * rows).cost()
    assert max(cost.seconds) == 32  # 64 would take longer than anybody wants to wait
    assert (cost.enough(64), cost.enough(4)) == (8, 4)


def test_one_larger_size_that_is_no_better_may_have_been_disturbed() -> None:
    cost = BatchCost(seconds={1: 0.01, 16: 0.04, 32: 0.06, 64: 0.2})
    assert cost.enough(64) == 64
    assert str(cost) == "64 rows are enough; milliseconds by rows: 1: 10.0, 16: 40.0, 32: 60.0, 64: 200.0"


def test_a_batch_too_long_to_be_measured_is_not_waited_for_either() -> None:
    cost = Machine(lambda rows: 0.3 + 0.02 * rows).cost()
    assert (list(cost.seconds), cost.enough(64)) == ([1], 1)


def test_a_run_that_others_hold_up_does_not_count() -> None:
    """It takes forty times as long, as OpenMP's teams do that wait for cores."""
    cost = Machine(lambda rows: 0.04 + 0.002 * rows, others=(40.0, 1.0, 40.0)).cost()
    assert (max(cost.seconds), cost.enough(64)) == (LARGEST, 64)


@pytest.mark.parametrize("others", [(3.0,), (40.0, 9.0, 1.0, 3.0, 8.0, 5.0)])
def test_nothing_is_concluded_where_others_use_the_cores(others: Sequence[float]) -> None:
    """Or a server that started then would run a row at a time for as long as it lives."""
    assert Machine(lambda rows: 0.01 * rows, others).measured() is None


def test_nor_from_a_long_time_in_which_one_of_two_threads_only_waited_for_the_other() -> None:
    machine = Machine(lambda rows: 0.4)
    machine.cores = 1.1
    assert machine.measured() is None
    assert machine.measured(several=False) is not None


def test_nor_from_times_that_never_agree() -> None:
    factors = itertools.cycle([1.0, 1.5, 2.5, 4.0, 7.0, 12.0])
    assert Machine(lambda rows: 0.01 * rows * next(factors)).measured() is None


@pytest.mark.parametrize(("most", "largest"), [(1, 1), (8, 8), (48, 32), (LARGEST, LARGEST)])
def test_no_batch_is_measured_that_is_larger_than_any_may_be(most: int, largest: int) -> None:
    cost = Machine(lambda rows: 0.04 + 0.002 * rows).cost(most=most)
    assert max(cost.seconds) == largest
    assert cost.enough(most) == most


def test_an_engine_that_could_measure_nothing_bounds_no_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.engine.engine.measured", lambda *_, **__: None)
    engine = Engine(backbone(), CpuDevice(lanes=ThreadLanes(2)), measures=True)
    engine.warm_up(16)
    assert engine.enough(16, 64) == 64


@pytest.mark.parametrize("int8", [False, True])
def test_an_engine_measures_every_size_of_images_once(int8: bool) -> None:
    device = CpuDevice(lanes=ThreadLanes(2), int8=int8)
    engine = Engine(backbone(), device, again=backbone, measures=True)
    engine.warm_up(16)
    assert 1 <= engine.enough(16, 64) <= 64
    assert engine.is_idle  # what it was measured with is gone
    assert engine.enough(16, 2) <= 2
    assert engine.enough(24, 64) == 64  # nothing is known of these


def test_an_engine_measures_no_larger_batches_than_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []

    def only_the_largest(run: Callable[[int], None], *, most: int, several: bool) -> None:
        told.append(most)
        run(most)

    monkeypatch.setattr("server.engine.engine.measured", only_the_largest)
    for largest in (2, LARGEST + 1):
        Engine(backbone(), CpuDevice(lanes=ThreadLanes(1)), measures=True, largest_batch=largest).warm_up(16)
    assert told == [2, LARGEST]
