"""How sure accuracies on a few test images are, and how sure the difference of two on the same images is.

What is noise in one network is mostly noise in the other, too: images that both answer alike say nothing of their
difference, however many there are. So the same images are drawn for both.

Legend: N test images.
"""

from dataclasses import dataclass

import numpy as np

from nettailor.accuracy import CONFIDENCE, Interval, wilson_interval
from registry.versions.evaluation import Right

RESAMPLES = 10_000
_SEED = 0  # asked twice, the answer is the same


@dataclass(frozen=True, kw_only=True)
class PairedDifference:
    """By how much one is more accurate than the first (-1..1), and on how many images only one of the two is right."""

    accuracy: float
    interval: Interval
    gained: int  # images that only the other answers right
    lost: int  # images that only the first answers right


def accuracy_interval(right: Right) -> Interval:
    """Wilson's, as resampling says nothing where all answers are right."""
    return wilson_interval(float(right.mean()), len(right))


def paired_difference(first: Right, other: Right) -> PairedDifference:
    """The paired bootstrap: N images drawn with replacement, many times; the interval has the middle of what came.

    A draw counts through two numbers alone, of images that only the one and only the other answers right. Those are
    drawn at once, so that neither time nor memory grows with N.
    """
    images = len(first)
    gained, lost = int((other & ~first).sum()), int((first & ~other).sum())
    shares = np.array([gained, lost, images - gained - lost]) / images
    drawn = np.random.default_rng(_SEED).multinomial(images, shares, size=RESAMPLES)
    ends = np.quantile((drawn[:, 0] - drawn[:, 1]) / images, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return PairedDifference(
        accuracy=(gained - lost) / images,
        interval=Interval(low=float(ends[0]), high=float(ends[1])),
        gained=gained,
        lost=lost,
    )
