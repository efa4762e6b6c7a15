"""Ratios of paired measurements, with an interval that assumes nothing about how they scatter."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

_CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """The median over rounds, and the order statistics around it that hold the true median with 95% confidence.

    With fewer than six rounds there is no such pair: the interval is then the whole range.
    """

    median: float
    low: float
    high: float
    rounds: int

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


def paired_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Ratio:
    """Of two sides measured in the same rounds, one value a round and side."""
    return over_rounds([a / b for a, b in zip(numerators, denominators, strict=True)])


def over_rounds(values: Sequence[float]) -> Ratio:
    """The same for what was already computed round by round."""
    ordered = sorted(values)
    rank = _rank(len(ordered))
    return Ratio(
        median=statistics.median(ordered), low=ordered[rank], high=ordered[len(ordered) - 1 - rank], rounds=len(ordered)
    )


def _rank(rounds: int) -> int:
    """The largest r for which the r-th smallest and r-th largest of `rounds` values enclose the median often enough:
    a value falls below the median with probability 1/2, so the number below it is binomial."""
    rank, tail = 0, 0.0
    while True:
        tail += math.comb(rounds, rank) / 2**rounds
        if 2 * tail > 1 - _CONFIDENCE:
            return max(0, rank - 1)
        rank += 1
