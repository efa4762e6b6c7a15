"""What a mixed batch takes by its rows, measured once for each size of images; from that, how a batch is cut and how
large one should be (torch-free)."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Protocol

LARGEST = 64  # rows that are measured at most
_SIZES = [2**power for power in range(LARGEST.bit_length())]
_LONGEST_S = 0.5  # no size that takes longer is tried: nobody wants to wait for such a batch
_RUNS = 5  # of a size: fewer that fill the first of the seconds below are enough if two of them agree, and
_SAMPLE_S, _PATIENCE_S = 0.1, 1.0  # where none do it is run until the second are over
_OWN = 0.9  # of a core, which a run has that nobody holds up; held up, it may take a hundred times as long
_OWN_IF_LONG = 1.2  # cores, by several threads in a run that is so long that no other one is tried after it
_STEADY = 1.25  # times the shortest run, for another one to agree with it
_LANES_WIN = 0.95  # of the time with all threads: a tie goes to these, which small batches of few tasks are faster with
_AS_GOOD = 1.03  # times the least time a row: from there on a larger batch only makes everybody in it wait longer
_LARGER = 2  # sizes that must have been found no better
_LEAST_ROWS = 16  # of a lane, where nothing is measured (docs/log.md)
_LEAST_ROWS_BESIDE_OTHERS = 4  # the same on a busy machine, where threads that work at one product wait for each other

Run = Callable[[int, bool], None]  # a mixed batch of so many rows; in lanes, or with all threads in every product


@dataclass(frozen=True, kw_only=True)
class Cutting:
    """How many pieces a batch runs in: side by side in lanes, or one after another, each with all threads."""

    pieces: int
    side_by_side: bool


class BatchCost(Protocol):
    def cutting(self, rows: int) -> Cutting:
        """How a batch of so many rows is cut."""

    def enough(self, most: int) -> int:
        """How many rows are worth waiting for, at most `most`: what more of them gain is next to nothing."""


@dataclass(frozen=True, kw_only=True)
class AssumedCost:
    """Where nothing is measured: lanes help as soon as each has some rows, and the larger a batch, the better."""

    lanes: int
    beside_others: bool = False  # whether other processes use the cores

    def cutting(self, rows: int) -> Cutting:
        least = _LEAST_ROWS_BESIDE_OTHERS if self.beside_others else _LEAST_ROWS
        pieces = max(1, min(self.lanes, rows // least))
        return Cutting(pieces=pieces, side_by_side=pieces > 1)

    def enough(self, most: int) -> int:
        return most


@dataclass(frozen=True, kw_only=True)
class MeasuredCost:
    """`together` and `in_lanes` are seconds by rows, of a batch that all threads work at and of one cut into `lanes`;
    the latter only of sizes that give each lane a row. No size above `largest` was to be measured.

    It does not change while the server runs, so that load which slows everything down makes no batch smaller.
    """

    lanes: int
    together: Mapping[int, float]
    in_lanes: Mapping[int, float]
    largest: int = LARGEST

    def __str__(self) -> str:
        """For operators: what was measured, and what follows."""
        each = ", ".join(f"{rows}: {1000 * self._seconds(rows):.1f}" for rows in self.together)
        cut = [rows for rows in self.in_lanes if self._lanes_win(rows)]
        lanes = f", in {self.lanes} lanes those of {', '.join(map(str, cut))}" if cut else ""
        return f"{self._enough} rows are enough{lanes}; milliseconds by rows: {each}"

    def cutting(self, rows: int) -> Cutting:
        """A batch that is much larger than enough runs in rounds of about that."""
        enough = self._enough
        rounds = 1 if enough == self.largest else max(1, round(rows / enough))
        side_by_side = self._lanes_win(rows / rounds)
        return Cutting(pieces=rounds * self.lanes if side_by_side else rounds, side_by_side=side_by_side)

    def enough(self, most: int) -> int:
        """Where the largest size is the best, still larger ones may be better."""
        return most if self._enough == self.largest else min(most, self._enough)

    @cached_property  # every request asks for it several times, and no other one may enter meanwhile
    def _enough(self) -> int:
        """The fewest rows that are as good as the best, if two larger sizes are no better: one may have been disturbed,
        and batches that are too small cost throughput."""
        sizes = sorted(self.together)
        each = {rows: self._seconds(rows) / rows for rows in sizes}
        good = [rows for rows in sizes if each[rows] <= _AS_GOOD * min(each.values())]
        return good[0] if len(sizes) - sizes.index(good[0]) > _LARGER else sizes[-1]

    def _seconds(self, rows: int) -> float:
        return min(self.together[rows], self.in_lanes.get(rows, self.together[rows]))

    def _lanes_win(self, rows: float) -> bool:
        """As at the measured size that is nearest below."""
        below = max((size for size in self.in_lanes if size <= rows), default=None)
        return below is not None and self.in_lanes[below] <= _LANES_WIN * self.together[below]


def measured(
    run: Run,
    lanes: int,
    *,
    most: int = LARGEST,
    clock: Callable[[], float] = time.perf_counter,
    spent: Callable[[], float] = time.process_time,
) -> MeasuredCost | None:
    """What batches of up to `most` rows cost, by running them: smaller ones first, until one takes too long.

    `spent` is the processor time of this process. None where others use these cores: what they leave is nothing that a
    server should go by for as long as it runs.
    """
    together: dict[int, float] = {}
    in_lanes: dict[int, float] = {}
    sizes = [rows for rows in _SIZES if rows <= most]
    for rows in sizes:
        ways = [(together, False), (in_lanes, True)] if 1 < lanes <= rows else [(together, False)]
        for seconds, side_by_side in ways:
            times = _times(partial(run, rows, side_by_side), clock, spent, several=lanes > 1)
            if not _agree(times):
                return None
            seconds[rows] = min(times)
        if 2 * together[rows] > _LONGEST_S:
            break
    return MeasuredCost(lanes=lanes, together=together, in_lanes=in_lanes, largest=sizes[-1])


def _times(
    run: Callable[[], None], clock: Callable[[], float], spent: Callable[[], float], *, several: bool
) -> list[float]:
    """Of the runs that others left a core to, after one that makes kernels ready; `several` cores may run it."""
    run()
    times: list[float] = []
    first, runs = clock(), 0
    while runs < _RUNS or (not _agree(times) and clock() - first < _PATIENCE_S):
        runs += 1
        began, spent_before = clock(), spent()
        run()
        seconds = clock() - began
        own = _OWN_IF_LONG if several and 2 * seconds > _LONGEST_S else _OWN
        if spent() - spent_before >= own * seconds:
            times.append(seconds)
        if sum(times) >= _SAMPLE_S and _agree(times):
            break
    return times


def _agree(times: Sequence[float]) -> bool:
    """Whether there are two, and the shortest ones are about the same."""
    shortest = sorted(times)[:2]
    return len(shortest) == 2 and shortest[1] <= _STEADY * shortest[0]
