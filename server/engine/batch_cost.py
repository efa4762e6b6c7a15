"""What a mixed batch takes by its rows, measured once for each size of images; and from that, how large one should be
(torch-free)."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

LARGEST = 64  # rows that are measured at most
_SIZES = [2**power for power in range(LARGEST.bit_length())]
_LONGEST_S = 0.5  # no size that takes longer is tried: nobody wants to wait for such a batch
_RUNS = 5  # of a size, unless fewer agree by the time that they have taken as long as a sample
_SAMPLE_S = 0.1
_PATIENCE_S = 1.0  # while none of those runs agree, there are more of them
_OWN = 0.9  # of a core, which a run has that nobody holds up; held up, it may take a hundred times as long
_OWN_IF_LONG = 1.2  # cores, by several threads in a run that is so long that no other one is tried after it
_STEADY = 1.25  # times the shortest run, for another one to agree with it
_AS_GOOD = 1.03  # times the least time a row: from there on a larger batch only makes everybody in it wait longer
_LARGER = 2  # sizes that must have been found no better


@dataclass(frozen=True, kw_only=True)
class BatchCost:
    """`seconds` by rows. No size above `largest` was to be measured.

    It does not change while the server runs, so that load which slows everything down makes no batch smaller.
    """

    seconds: Mapping[int, float]
    largest: int = LARGEST

    def __str__(self) -> str:
        """For operators: what was measured, and what follows."""
        each = ", ".join(f"{rows}: {1000 * seconds:.1f}" for rows, seconds in self.seconds.items())
        return f"{self._enough} rows are enough; milliseconds by rows: {each}"

    def enough(self, most: int) -> int:
        """How many rows, at most `most`, a batch should have: more gain next to nothing. Where the largest size is the
        best, still larger ones may be better."""
        return most if self._enough == self.largest else min(most, self._enough)

    @cached_property  # asked for with every batch
    def _enough(self) -> int:
        """The fewest rows that are as good as the best, if two larger sizes are no better: one may have been disturbed,
        and batches that are too small cost throughput."""
        sizes = sorted(self.seconds)
        each = {rows: self.seconds[rows] / rows for rows in sizes}
        first = min(rows for rows in sizes if each[rows] <= _AS_GOOD * min(each.values()))
        return first if len(sizes) - sizes.index(first) > _LARGER else sizes[-1]


def measured(
    run: Callable[[int], None],
    *,
    most: int = LARGEST,
    several: bool = False,
    clock: Callable[[], float] = time.perf_counter,
    spent: Callable[[], float] = time.process_time,
) -> BatchCost | None:
    """What batches of up to `most` rows cost, by running them: smaller ones first, until one takes too long. `several`
    cores run them.

    `spent` is the processor time of this process. None where others use these cores: what they leave is nothing that a
    server should go by for as long as it runs.
    """
    seconds: dict[int, float] = {}
    sizes = [rows for rows in _SIZES if rows <= most]
    for rows in sizes:
        times = _times(partial(run, rows), clock, spent, several=several)
        if not _agree(times):
            return None
        seconds[rows] = min(times)
        if 2 * seconds[rows] > _LONGEST_S:
            break
    return BatchCost(seconds=seconds, largest=sizes[-1])


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
