"""How sure accuracies on a few test images are, and how sure the difference of two on the same images is.

What is noise in one network is mostly noise in the other, too: images that both answer alike say nothing of their
difference, however many there are. So the same images are drawn for both.

Legend: N test images.
"""

import math
from dataclasses import dataclass

import numpy as np

from registry.versions.evaluation import Right

CONFIDENCE = 0.95
RESAMPLES = 10_000
_NORMAL = 1.959964  # standard deviations on either side of the mean that hold `CONFIDENCE`
_SEED = 0  # asked twice, the answer is the same


@dataclass(frozen=True, kw_only=True)
class Interval:
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class PairedDifference:
    """By how much one is more accurate than the first (-1..1), and on how many images only one of the two is right."""

    accuracy: float
    interval: Interval
    gained: int  # images that only the other answers right
    lost: int  # images that only the first answers right


def accuracy_interval(right: Right) -> Interval:
    """Wilson's score interval, which says something where all answers are right, too: resampling them never would."""
    images, share = len(right), float(right.mean())
    z = _NORMAL**2 / images
    middle, width = share + z / 2, math.sqrt(z * share * (1 - share) + z**2 / 4)
    return Interval(low=max(0.0, (middle - width) / (1 + z)), high=min(1.0, (middle + width) / (1 + z)))


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
