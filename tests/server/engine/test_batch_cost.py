"""What is made of measured times, on a clock of the test's own; and batches that are cut so, by their answers."""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from server.engine import batch_cost
from server.engine.batch_cost import LARGEST, AssumedCost, Cutting, MeasuredCost, Run, measured
from server.engine.engine import Engine, Part
from server.kernels.device import CpuDevice
from server.kernels.thread_lanes import ThreadLanes
from tests.server.oracle import backbone, make_bundle, random_images

ONE = Cutting(pieces=1, side_by_side=False)


class Machine:
    """On which a batch takes as long as a test says, and a little longer every other time; or so many times as
    long as `others` say, in turn."""

    def __init__(self, seconds: Callable[[int, bool], float], others: Sequence[float] = (1.05, 1.0)) -> None:
        self._seconds, self._others = seconds, itertools.cycle(others)
        self._now = self._spent = 0.0
        self.cores = 2.0  # that run it, where nobody else does

    def run(self, rows: int, in_lanes: bool) -> None:
        seconds = self._seconds(rows, in_lanes)
        self._now += seconds * next(self._others)
        self._spent += seconds * self.cores

    def cost(self, lanes: int = 2, most: int = LARGEST) -> MeasuredCost:
        cost = self.measured(lanes, most)
        assert cost is not None
        return cost

    def measured(self, lanes: int = 2, most: int = LARGEST) -> MeasuredCost | None:
        return measured(self.run, lanes, most=most, clock=lambda: self._now, spent=lambda: self._spent)


@pytest.mark.parametrize(("rows", "pieces"), [(1, 1), (7, 1), (8, 2), (100, 3)])
def test_where_nothing_is_measured_small_batches_stay_whole(rows: int, pieces: int) -> None:
    assert AssumedCost(lanes=3).cutting(rows) == Cutting(pieces=pieces, side_by_side=pieces > 1)
    assert AssumedCost(lanes=3).enough(64) == 64


def test_beside_others_lanes_want_fewer_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_cost, "_LEAST_ROWS", 16)
    for beside_others, pieces in ((False, 1), (True, 2)):
        assert AssumedCost(lanes=2, beside_others=beside_others).cutting(8).pieces == pieces


def test_a_large_batch_that_still_gains_is_waited_for_and_stays_whole() -> None:
    cost = Machine(lambda rows, in_lanes: 0.04 + 0.002 * rows).cost()
    assert max(cost.together) == LARGEST
    assert (cost.enough(64), cost.enough(16), cost.enough(200)) == (64, 16, 200)
    assert cost.cutting(64) == cost.cutting(200) == ONE


def test_rows_that_gain_next_to_nothing_are_not_waited_for() -> None:
    cost = Machine(lambda rows, in_lanes: 0.002 + 0.01 * rows).cost()
    assert max(cost.together) == 32  # 64 would take longer than anybody wants to wait
    assert (cost.enough(64), cost.enough(4)) == (8, 4)
    assert [cost.cutting(rows).pieces for rows in (1, 8, 11, 64)] == [1, 1, 1, 8]


def test_one_larger_size_that_is_no_better_may_have_been_disturbed() -> None:
    times = {1: 0.01, 16: 0.04, 32: 0.06, 64: 0.2}
    cost = MeasuredCost(lanes=1, together=times, in_lanes={})
    assert (cost.enough(64), cost.cutting(64)) == (64, ONE)
    assert str(cost) == "64 rows are enough; milliseconds by rows: 1: 10.0, 16: 40.0, 32: 60.0, 64: 200.0"


def test_a_batch_too_long_to_be_measured_is_not_waited_for_either() -> None:
    cost = Machine(lambda rows, in_lanes: 0.3 + 0.02 * rows).cost()
    assert (list(cost.together), cost.enough(64)) == ([1], 1)


@pytest.mark.parametrize(("gain", "pieces"), [(0.04, 1), (0.2, 2)])
def test_lanes_are_used_from_the_size_on_that_gains_by_them(gain: float, pieces: int) -> None:
    cost = Machine(lambda rows, in_lanes: (0.01 + 0.002 * rows) * (1 - gain if in_lanes and rows >= 16 else 1)).cost()
    assert 1 not in cost.in_lanes
    assert [cost.cutting(rows).pieces for rows in (1, 2, 15, 16, 31, 64)] == [1, 1, 1, pieces, pieces, pieces]


def test_rounds_are_cut_into_lanes() -> None:
    cost = MeasuredCost(lanes=4, together={1: 0.02, 4: 0.08, 8: 0.16, 16: 0.32}, in_lanes={4: 0.04, 8: 0.08, 16: 0.16})
    assert cost.cutting(40) == Cutting(pieces=40, side_by_side=True)
    assert (cost.cutting(3), cost.enough(64)) == (ONE, 4)


def test_a_run_that_others_hold_up_does_not_count() -> None:
    """It takes forty times as long, as OpenMP's teams do that wait for cores."""
    cost = Machine(lambda rows, in_lanes: 0.04 + 0.002 * rows, others=(40.0, 1.0, 40.0)).cost()
    assert (max(cost.together), cost.enough(64)) == (LARGEST, 64)


@pytest.mark.parametrize("others", [(3.0,), (40.0, 9.0, 1.0, 3.0, 8.0, 5.0)])
def test_nothing_is_concluded_where_others_use_the_cores(others: Sequence[float]) -> None:
    """Or a server that started then would run a row at a time for as long as it lives."""
    assert Machine(lambda rows, in_lanes: 0.01 * rows, others).measured() is None


def test_nor_from_a_long_time_in_which_one_of_two_threads_only_waited_for_the_other() -> None:
    machine = Machine(lambda rows, in_lanes: 0.4)
    machine.cores = 1.1
    assert machine.measured() is None
    assert machine.measured(lanes=1) is not None


def test_nor_from_times_that_never_agree() -> None:
    factors = itertools.cycle([1.0, 1.5, 2.5, 4.0, 7.0, 12.0])
    assert Machine(lambda rows, in_lanes: 0.01 * rows * next(factors)).measured() is None


def test_an_engine_that_could_measure_nothing_goes_by_what_is_good_on_busy_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("server.engine.engine.measured", lambda *_, **__: None)
    engine = Engine(backbone(), CpuDevice(lanes=ThreadLanes(2)), measures=True)
    engine.warm_up(16)
    assert engine.enough(16, 64) == engine.full_batch(64) == 64
    assert engine._costs == {16: AssumedCost(lanes=2, beside_others=True)}


def test_how_many_rows_are_enough_is_worked_out_once() -> None:
    """Each request asks for it several times as it enters, when no other one can."""
    times = {1: 0.02, 8: 0.04, 16: 0.09, 32: 0.18}
    cost = MeasuredCost(lanes=1, together=times, in_lanes={})
    assert cost.enough(64) == 8
    times.clear()
    assert cost.enough(64) == 8


@pytest.mark.parametrize(("most", "largest"), [(1, 1), (8, 8), (48, 32), (LARGEST, LARGEST)])
def test_no_batch_is_measured_that_is_larger_than_any_may_be(most: int, largest: int) -> None:
    cost = Machine(lambda rows, in_lanes: 0.04 + 0.002 * rows).cost(most=most)
    assert max(cost.together) == largest
    assert cost.enough(most) == most
    assert cost.cutting(200) == ONE


@pytest.mark.parametrize(
    "cutting", [ONE, Cutting(pieces=3, side_by_side=False), Cutting(pieces=4, side_by_side=True)], ids=str
)
def test_answers_are_the_same_however_a_batch_is_cut(cutting: Cutting, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(backbone(), CpuDevice(lanes=ThreadLanes(2)))
    parts = [Part(adapter=engine.pack(make_bundle(f"task{i}", seed=i)), images=range(4 * i, 4 * i + 4)) for i in (0, 1)]
    images = random_images(8, 32)
    expected = [
        engine.forward(images[list(part.images)], [Part(adapter=part.adapter, images=range(4))]) for part in parts
    ]
    monkeypatch.setattr(AssumedCost, "cutting", lambda self, rows: cutting)
    for (own,), together in zip(expected, engine.forward(images, parts), strict=True):
        np.testing.assert_allclose(together, own, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("int8", [False, True])
def test_an_engine_measures_every_size_of_images_once(int8: bool) -> None:
    device = CpuDevice(lanes=ThreadLanes(2), int8=int8)
    engine = Engine(backbone(), device, again=backbone, measures=True)
    engine.warm_up(16)
    assert 1 <= engine.enough(16, 64) <= 64
    assert engine.is_idle  # what it was measured with is gone
    assert engine.enough(16, 2) <= 2
    assert engine.enough(24, 64) == 64  # nothing is known of these
    assert engine.full_batch(64) == engine.enough(16, 64)


def test_an_engine_measures_no_larger_batches_than_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []

    def only_the_largest(run: Run, lanes: int, *, most: int) -> None:
        told.append(most)
        run(most, False)

    monkeypatch.setattr("server.engine.engine.measured", only_the_largest)
    for largest in (2, LARGEST + 1):
        Engine(backbone(), CpuDevice(lanes=ThreadLanes(1)), measures=True, largest_batch=largest).warm_up(16)
    assert told == [2, LARGEST]
