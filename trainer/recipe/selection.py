"""Which networks are trained on the way down from the full student, and which of them is published (section 3.5)."""

import contextlib
import statistics
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Literal, TypeVar

T = TypeVar("T")

# "leanest": good networks are accurate enough, and those with few blocks removed are. "most accurate": good networks
# are within a budget, and those with many blocks removed are.
Wanted = Literal["leanest", "most accurate"]

_HOPELESS = 0.08  # accuracy below the target that no polish makes up for
_EXPECTED_GAIN = 0.04  # accuracy that the first polish is expected to add (docs/log.md)
_TIED = 0.5  # standard errors of a gap by which a network may miss the target and be as good as within it
_DOUBTFUL = 0.03  # expected accuracy below the target that is not worth a polish
_POLISHED = 4  # networks at the most, while the border moves


class OutOfTime(Exception):
    """The search's callables raise this when there is no time for another network, or nobody wants to wait for it."""


@dataclass(frozen=True, kw_only=True)
class Candidate(Generic[T]):
    """One network with some blocks removed. `accuracy` and `cost` are shares (0..1), `gap` is how much more accurate it
    is than the yardstick, with its standard `error`; `good` is within the target. `polished` after the long retraining,
    else it has only recovered from its last cut."""

    blocks_removed: int
    accuracy: float
    cost: float
    good: bool
    model: T
    gap: float = 0.0
    error: float = 0.0
    polished: bool = True
    believed_gap: float | None = None  # of `settled`

    @property
    def likely_gap(self) -> float:
        return self.gap if self.believed_gap is None else self.believed_gap


@dataclass(frozen=True, kw_only=True)
class Search(Generic[T]):
    """Down block by block with a short recovery after each cut, then the long retraining where it matters.

    `recover` gives the network with so many blocks removed, None where no path is left; it is called for 0, `cut`,
    2 `cut` ... in order, as each network comes from the one before. `polish` retrains one of them. Both may raise
    `OutOfTime`. `foresee` hears which networks are likely to be polished after the one that is about to be.
    """

    recover: Callable[[int], Candidate[T] | None]
    polish: Callable[[int], Candidate[T]]
    foresee: Callable[[Sequence[int]], None] = lambda likely: None
    most: int
    cut: int = 1
    drop: float  # accuracy that may be lost against the yardstick
    wanted: Wanted = "leanest"

    def run(self) -> list[Candidate[T]]:
        """The networks in the order in which they came; with as many blocks removed the later one is the polished
        one."""
        recovered: dict[int, Candidate[T]] = {}
        polished: dict[int, Candidate[T]] = {}
        with contextlib.suppress(OutOfTime):  # what there was until then is what there is
            self._descend(recovered)
        with contextlib.suppress(OutOfTime):
            while len(polished) < _POLISHED and (likely := self._likely(recovered, polished)):
                self.foresee(likely[1 : _POLISHED - len(polished)])
                polished[likely[0]] = self.polish(likely[0])
        return [*recovered.values(), *polished.values()]

    def _descend(self, recovered: dict[int, Candidate[T]]) -> None:
        for blocks in range(0, self.most + 1, self.cut):
            candidate = self.recover(blocks)
            if candidate is None:
                return
            recovered[blocks] = candidate
            if self._far_enough(list(recovered.values())[-2:]):
                return

    def _far_enough(self, last: Sequence[Candidate[T]]) -> bool:
        """One network alone may be an accident."""
        if self.wanted == "most accurate":
            return len(last) == 2 and all(c.good for c in last)
        return len(last) == 2 and all(c.gap + 2 * c.error < -self.drop - _HOPELESS for c in last)

    def _likely(self, recovered: Mapping[int, Candidate[T]], polished: Mapping[int, Candidate[T]]) -> list[int]:
        """The border between good and not good as it is expected, and its neighbours, as far as they are not polished
        yet; the first one is the next."""
        if self.wanted == "most accurate":
            eligible = self._fitting(recovered, polished)
        else:
            error = statistics.median(candidate.error for candidate in recovered.values())
            eligible = self._about_the_border(expected_gaps(recovered, polished), polished, error)
        return [k for k in eligible if k in recovered and k not in polished]

    def _about_the_border(self, expected: Mapping[int, float], polished: Container[int], error: float) -> Sequence[int]:
        """The neighbour with more blocks removed, where it may be within the target, too; the one with fewer, where the
        border may turn out not to be. What was measured within the target needs no such witness: hardly any would
        change the choice, and not for the better (docs/log.md)."""
        best, lost = max(expected.values()), tolerated(self.drop, error)
        needed = -lost if best >= -lost else best - lost  # as `choose` has it
        border = max(k for k, gap in expected.items() if gap >= needed)
        leaner = border + self.cut
        tried = [leaner] if expected.get(leaner, -1.0) >= needed - _DOUBTFUL else []
        return [border, *tried, *([] if border in polished else [border - self.cut])]

    def _fitting(self, recovered: Mapping[int, Candidate[T]], polished: Mapping[int, Candidate[T]]) -> Sequence[int]:
        """The best of those within the budget, and its neighbours within it."""
        fits = [k for k, candidate in recovered.items() if candidate.good]
        if not fits:
            return [max(recovered)]
        expected = expected_gaps(recovered, polished)
        best = max(fits, key=lambda k: expected[k])
        return [k for k in (best, best + self.cut, best - self.cut) if k in fits]


def tolerated(drop: float, error: float) -> float:
    """How far below the yardstick, or below the best network where none comes near that, a network may be measured to
    be published: the drop that is allowed, and, as ties go to the leaner network, half a standard error of the gap; at
    most twice the drop."""
    return drop + min(_TIED * error, drop)


def latest(candidates: Iterable[Candidate[T]]) -> list[Candidate[T]]:
    """In the order of blocks removed, the last one measured of those that have as many removed."""
    by_blocks = {candidate.blocks_removed: candidate for candidate in candidates}
    return [candidate for _, candidate in sorted(by_blocks.items())]


def expected_gaps(recovered: Mapping[int, Candidate[T]], polished: Mapping[int, Candidate[T]]) -> dict[int, float]:
    """The gap of every network once it is polished: as `settled` sees it, or the recovered one's, smoothed over its
    neighbours as a few hundred images are noisy, and what polishing has added elsewhere."""
    smooth = _smoothed(recovered)
    gains = [candidate.gap - smooth[k] for k, candidate in polished.items()]
    gain = statistics.mean(gains) if gains else _EXPECTED_GAIN
    measured = _never_rising({k: candidate.gap for k, candidate in polished.items()})
    return {k: measured.get(k, value + gain) for k, value in smooth.items()}


def _smoothed(recovered: Mapping[int, Candidate[T]]) -> dict[int, float]:
    order = sorted(recovered)
    smooth = {}
    for place, blocks in enumerate(order):
        near = [*order[max(0, place - 1) : place + 2], blocks]  # the network itself counts twice
        smooth[blocks] = statistics.median(recovered[k].gap for k in near)  # a neighbour behind a cliff tells nothing
    return smooth


def settled(candidates: Sequence[Candidate[T]], drop: float) -> list[Candidate[T]]:
    """The candidates; those that were polished with the gap to believe in, and `good` where that is `tolerated`.

    A network with more blocks removed is hardly better than one with fewer that was trained as long. Where it was
    measured so on a few hundred images, the truth lies between; to believe the highest of several noisy figures would
    be to publish the luckiest network.
    """
    gaps = _never_rising({c.blocks_removed: c.gap for c in candidates if c.polished})
    return [_believed(c, gaps[c.blocks_removed], drop) if c.polished else c for c in candidates]


def _believed(candidate: Candidate[T], gap: float, drop: float) -> Candidate[T]:
    return replace(candidate, believed_gap=gap, good=gap >= -tolerated(drop, candidate.error))


def _never_rising(values: Mapping[int, float]) -> dict[int, float]:
    """The least-squares fit that does not rise with the key: neighbours that do are replaced by their mean."""
    pools: list[list[int]] = []

    def mean(keys: Sequence[int]) -> float:
        return statistics.fmean(values[key] for key in keys)

    for key in sorted(values):
        pool = [key]
        while pools and mean(pools[-1]) < mean(pool):
            pool = pools.pop() + pool
        pools.append(pool)
    return {key: mean(pool) for pool in pools for key in pool}


def choose(candidates: list[Candidate[T]], drop: float, *, wanted: Wanted = "leanest") -> Candidate[T]:
    """The leanest good candidate. If none is good, the leanest that is as far below the most accurate one as is
    `tolerated` below the teacher: there, too, ties go to the leaner network.

    Within a budget ("most accurate"): the most accurate good candidate; if none is good, the leanest of all.
    """
    good = [c for c in candidates if c.good]
    if wanted == "most accurate":
        return max(good, key=lambda c: (c.accuracy, -c.cost)) if good else min(candidates, key=lambda c: c.cost)
    best = max(candidate.likely_gap for candidate in candidates)
    eligible = good or [c for c in candidates if c.likely_gap >= best - tolerated(drop, c.error)]
    return min(eligible, key=lambda c: (c.cost, -c.accuracy))


def pareto_optimal(candidates: Iterable[Candidate[T]]) -> set[int]:
    """Blocks removed of those that no other candidate matches in accuracy and cost and beats in one of them."""
    every = list(candidates)

    def beaten(one: Candidate[T]) -> bool:
        return any(
            other.accuracy >= one.accuracy
            and other.cost <= one.cost
            and (other.accuracy, other.cost) != (one.accuracy, one.cost)
            for other in every
        )

    return {one.blocks_removed for one in every if not beaten(one)}
