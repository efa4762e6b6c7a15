"""Which of several networks to take by their answers to the same images, and how accurate the taken one really is.

The accuracy by which a network was chosen flatters it: of several equals the luckiest is taken. The estimate here is by
bootstrap: the choice is made again and again on images drawn with replacement, and measured on those not drawn
(Tsamardinos et al., "Bootstrapping the out-of-sample predictions for efficient and accurate cross-validation", 2018),
averaged image by image.

Legend: M networks, the preferred ones first; N images.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.recipe.paired import Right, difference

_ROUNDS = 200


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """An accuracy (0..1) and its standard error."""

    accuracy: float
    error: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Contest:
    """`right` (M, N); `margins` (M,): by how many standard errors of their difference a network must be more accurate
    than the best before it to take its place."""

    right: Right
    margins: Sequence[float]

    def winner(self) -> int:
        """The network that is taken, 0 ... M - 1."""
        return self._winner(np.ones(self.right.shape[1]))

    def estimate(self, *, seed: int) -> Estimate:
        """The accuracy of what is taken, on images that had no part in the choice."""
        generator = np.random.default_rng(seed)
        images = self.right.shape[1]
        right, rounds = np.zeros(images), np.zeros(images)
        for _ in range(_ROUNDS):
            times_drawn = np.bincount(generator.integers(images, size=images), minlength=images)
            left_out = times_drawn == 0
            right += left_out & self.right[self._winner(times_drawn)]
            rounds += left_out
        return _mean((right / np.maximum(rounds, 1))[rounds > 0])

    def _winner(self, weights: NDArray[np.float64] | NDArray[np.int64]) -> int:
        best = 0
        for challenger in range(1, len(self.right)):
            gain = difference(self.right[challenger], self.right[best], weights)
            if gain.mean > 0 and gain.mean >= self.margins[challenger] * gain.error:
                best = challenger
        return best


def _mean(values: NDArray[np.float64]) -> Estimate:
    """Of no values at all, which a split of a few images can leave, nothing is known: half, give or take half."""
    if not len(values):
        return Estimate(accuracy=0.5, error=0.5)
    return Estimate(accuracy=float(values.mean()), error=float(values.std() / np.sqrt(len(values))))
