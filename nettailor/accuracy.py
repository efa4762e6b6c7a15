"""Accuracies as people read them: with the interval that their number of images allows, and no more decimals than that
(torch-free)."""

import math
from dataclasses import dataclass

CONFIDENCE = 0.95
_NORMAL = 1.959964  # standard deviations on either side of the mean that hold `CONFIDENCE`
MANY = 1000  # images from which a decimal of a percentage says something


@dataclass(frozen=True, kw_only=True)
class Interval:
    low: float
    high: float


def wilson_interval(share: float, images: int) -> Interval:
    """Wilson's score interval of a share of so many images, which says something where all answers are right, too."""
    z = _NORMAL**2 / images
    middle, width = share + z / 2, math.sqrt(z * share * (1 - share) + z**2 / 4)
    return Interval(low=max(0.0, (middle - width) / (1 + z)), high=min(1.0, (middle + width) / (1 + z)))


def in_words(share: float, images: int | None) -> str:
    """Such as `93% [84, 97]`; `93.4%` where the number of images is not known."""
    if not images:
        return f"{share:.1%}"
    interval, decimals = wilson_interval(share, images), _decimals(images)
    ends = f"[{100 * interval.low:.{decimals}f}, {100 * interval.high:.{decimals}f}]"
    return f"{shortly(share, images)} {ends}"


def shortly(share: float, images: int | None) -> str:
    """As `in_words` without the interval, where there is no room for it."""
    return f"{share:.{_decimals(images)}%}"


def _decimals(images: int | None) -> int:
    return 0 if images and images < MANY else 1


def counted(share: float, images: int | None) -> str:
    """Such as `65 of 70 images, 93% [84, 97]`: nothing that was decided on is rounded away."""
    if not images:
        return f"{share:.2%}"
    return f"{round(share * images)} of {images} images, {in_words(share, images)}"
