"""The search for the leanest network that is good enough: how many blocks can go (section 3.5)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Candidate(Generic[T]):
    """One pruned and retrained network. `accuracy` and `cost` are shares (0..1); `good`: within the target."""

    blocks_removed: int
    accuracy: float
    cost: float
    good: bool
    model: T


def search(evaluate: Callable[[int], Candidate[T] | None], most: int) -> list[Candidate[T]]:
    """Candidates tried, by number of blocks removed: bisection over 0..most for the largest good number, then the
    answer's two neighbours. `evaluate` gives None where no path is left."""
    tried: dict[int, Candidate[T] | None] = {}

    def good(blocks: int) -> bool:
        if blocks not in tried:
            tried[blocks] = evaluate(blocks)
        candidate = tried[blocks]
        return candidate is not None and candidate.good

    low, high = -1, most + 1  # good at low (or nothing is), not good at high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if good(middle) else (low, middle)
    for neighbour in (low - 1, low + 1):
        if 0 <= neighbour <= most:
            good(neighbour)
    return [candidate for _, candidate in sorted(tried.items()) if candidate is not None]


def choose(candidates: list[Candidate[T]], drop: float) -> Candidate[T]:
    """The leanest good candidate. If none is good, the leanest that loses at most `drop` (0..1) against the most
    accurate one: what a person gives for a lean network, they give there, too."""
    best = max(candidate.accuracy for candidate in candidates)
    eligible = [c for c in candidates if c.good] or [c for c in candidates if c.accuracy >= best - drop]
    return min(eligible, key=lambda c: (c.cost, -c.accuracy))
