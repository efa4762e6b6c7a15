"""The search for the network to publish: how many blocks can go (section 3.5), or have to."""

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

T = TypeVar("T")

# "leanest": good networks are accurate enough, and those with few blocks removed are. "most accurate": good networks
# are within a budget, and those with many blocks removed are.
Wanted = Literal["leanest", "most accurate"]


class OutOfTime(Exception):
    """The search's `evaluate` raises this when there is no time for another candidate, or nobody wants to wait for
    it."""


@dataclass(frozen=True, kw_only=True)
class Candidate(Generic[T]):
    """One pruned and retrained network. `accuracy` and `cost` are shares (0..1); `good` is within the target."""

    blocks_removed: int
    accuracy: float
    cost: float
    good: bool
    model: T


def search(
    evaluate: Callable[[int], Candidate[T] | None], most: int, *, wanted: Wanted = "leanest"
) -> list[Candidate[T]]:
    """The candidates tried, in the order of blocks removed: bisection over 0..most for the largest good number
    ("leanest") or the smallest ("most accurate", within a budget), then the answer's two neighbours. `evaluate` returns
    None where no path is left, and raises `OutOfTime` to end the search early.
    """
    tried: dict[int, Candidate[T] | None] = {}

    def goes_on(blocks: int) -> bool:
        """Whether the border between good and not good lies above this number of blocks removed."""
        if blocks not in tried:
            tried[blocks] = evaluate(blocks)
        candidate = tried[blocks]
        return candidate is not None and candidate.good == (wanted == "leanest")

    with contextlib.suppress(OutOfTime):  # what was tried until then is what there is
        _bisect(goes_on, most, wanted)
    return [candidate for _, candidate in sorted(tried.items()) if candidate is not None]


def _bisect(goes_on: Callable[[int], bool], most: int, wanted: Wanted) -> None:
    low, high = -1, most + 1  # the border is above low and not above high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if goes_on(middle) else (low, middle)
    answer = low if wanted == "leanest" else high
    for neighbour in (answer - 1, answer + 1):
        if 0 <= neighbour <= most:
            goes_on(neighbour)


def choose(candidates: list[Candidate[T]], drop: float, *, wanted: Wanted = "leanest") -> Candidate[T]:
    """The leanest good candidate. If none is good, the leanest that loses at most `drop` (0..1) against the most
    accurate one: the same drop that was allowed against the teacher.

    Within a budget ("most accurate"): the most accurate good candidate; if none is good, the leanest of all.
    """
    good = [c for c in candidates if c.good]
    if wanted == "most accurate":
        return max(good, key=lambda c: (c.accuracy, -c.cost)) if good else min(candidates, key=lambda c: c.cost)
    best = max(candidate.accuracy for candidate in candidates)
    eligible = good or [c for c in candidates if c.accuracy >= best - drop]
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
