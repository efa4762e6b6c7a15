"""Two networks held against each other on the same images: what is noise in one is mostly noise in the other, too.

Legend: N images.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Right = NDArray[np.bool_]  # (N,): whether an answer is right

# Standard errors of a one-sided test that errs once in twenty.
SIGNIFICANT = 1.645


@dataclass(frozen=True, kw_only=True)
class Difference:
    """By how much the one is more accurate than the other (-1..1), and the standard error of that."""

    mean: float
    error: float

    @property
    def is_loss(self) -> bool:
        """Whether the one is less accurate, and that is hardly chance."""
        return self.mean < 0 and self.mean <= -SIGNIFICANT * self.error


def difference(one: Right, other: Right, weights: NDArray[np.float64] | NDArray[np.int64] | None = None) -> Difference:
    """One's answers against the other's; `weights` (N,) say how often each image counts, once without them."""
    counts = np.ones(len(one)) if weights is None else weights
    gain = one.astype(float) - other
    # Products of vectors and not `np.average`: the contests of a tailoring ask this ten thousands of times.
    total = float(counts.sum())
    mean = float(gain @ counts) / total
    variance = max(0.0, float((gain * gain) @ counts) / total - mean**2)
    return Difference(mean=mean, error=math.sqrt(variance / total))
