"""Whether a process's memory stays where it is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

_BLOCK_S = 20.0  # neighbouring samples say the same: their mean counts as one
_T = 2.0  # about the 97.5% point of Student's t for the number of blocks there are
MIB = 2**20


@dataclass(frozen=True, kw_only=True)
class Slope:
    """MiB an hour, with the interval that holds it with 95% confidence."""

    mib_per_hour: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mib_per_hour:+.1f} ({self.low:+.1f} to {self.high:+.1f}) MiB an hour"


def slope(samples: Sequence[tuple[float, int]]) -> Slope | None:
    """Of (seconds, bytes); None where there is too little to say."""
    blocks: dict[int, list[tuple[float, int]]] = {}
    for second, size in samples:
        blocks.setdefault(int(second / _BLOCK_S), []).append((second, size))
    points = [
        (sum(s for s, _ in block) / len(block) / 3600, sum(b for _, b in block) / len(block) / MIB)
        for block in blocks.values()
    ]
    if len(points) < 6:
        return None
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    gradient = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    residual = sum((y - mean_y - gradient * (x - mean_x)) ** 2 for x, y in points) / (len(points) - 2)
    error = _T * math.sqrt(residual / spread)
    return Slope(mib_per_hour=gradient, low=gradient - error, high=gradient + error)
