"""Whether a process's memory stays where it is.

Resident memory hardly ever falls and rises in steps, each time a new peak is reached, so neighbouring residuals of a
straight line are not independent, and the line's usual interval is too narrow. What it grows by from one stretch of
time to the next is nearly independent: the mean of these growths is the drift, their spread says how sure it is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

_BLOCK_S = 20.0  # neighbouring samples say the same: their mean counts as one
_T = 2.0  # about the 97.5% point of Student's t for the number of blocks there are
_LEAST = 6  # blocks
MIB = 2**20

Samples = Sequence[tuple[float, int]]  # seconds, bytes


@dataclass(frozen=True, kw_only=True)
class Slope:
    """MiB an hour, with the interval that holds it with 95% confidence."""

    mib_per_hour: float
    low: float
    high: float


def slope(samples: Samples) -> Slope | None:
    """Of the straight line of least squares, its interval as if residuals were independent; None where there is too
    little to say."""
    points = _blocks(samples)
    if len(points) < _LEAST:
        return None
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    gradient = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    residual = sum((y - mean_y - gradient * (x - mean_x)) ** 2 for x, y in points) / (len(points) - 2)
    return _within(gradient, math.sqrt(residual / spread))


def drift(samples: Samples) -> Slope | None:
    """The mean growth and its interval; None where there is too little to say."""
    points = _blocks(samples)
    if len(points) < _LEAST:
        return None
    hours = (points[-1][0] - points[0][0]) / (len(points) - 1)  # from one block to the next
    growths = [(after - before) / hours for (_, before), (_, after) in pairwise(points)]
    mean = sum(growths) / len(growths)
    variance = sum((growth - mean) ** 2 for growth in growths) / (len(growths) - 1)
    return _within(mean, math.sqrt(variance / len(growths)))


def by_minute(samples: Samples) -> list[float]:
    """Mean MiB of every minute."""
    return [round(mib, 2) for _, mib in _blocks(samples, 60.0)]


def _within(estimate: float, error: float) -> Slope:
    return Slope(mib_per_hour=estimate, low=estimate - _T * error, high=estimate + _T * error)


def _blocks(samples: Samples, seconds: float = _BLOCK_S) -> list[tuple[float, float]]:
    """Means over stretches of time: (hours, MiB)."""
    blocks: dict[int, list[tuple[float, int]]] = {}
    for second, size in samples:
        blocks.setdefault(int(second / seconds), []).append((second, size))
    return [
        (sum(s for s, _ in block) / len(block) / 3600, sum(b for _, b in block) / len(block) / MIB)
        for block in blocks.values()
    ]
