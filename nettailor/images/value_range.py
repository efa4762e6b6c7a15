"""Which sample values are black and white in files that have more than 8 bits a sample, and what lies between."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nettailor.bundle.preprocessing import ValueRange

FULL: ValueRange = (0, 65535)
Span = tuple[int, int]  # the least and the greatest sample found

_BITS = (8, 10, 12, 14, 16)  # what cameras and scanners deliver in 16
_OUTLIERS = 0.05  # the share of images that may be brighter or darker than the rest without dimming it
_ROWS = 256  # scaled at a time, so that the wide integers in between take little memory


def span_of(samples: NDArray[Any]) -> Span:
    return int(samples.min()), int(samples.max())


def own_range(span: Span) -> ValueRange:
    """The range of the fewest bits that hold what one image has: a guess that never makes it black. What needs more
    than 16 bits is cut off."""
    least, greatest = span
    if least < 0:
        halves = (2 ** (bits - 1) for bits in _BITS)
        half = next((half for half in halves if -half <= least and greatest < half), 2**15)
        return -half, half - 1
    return 0, next((2**bits - 1 for bits in _BITS if greatest < 2**bits), 2**16 - 1)


def common_range(spans: Sequence[Span]) -> ValueRange:
    """The range of a data set, of what its images' samples lie between.

    It is that of the fewest bits; the set's own least and greatest value where it has negative ones, more than 16 bits,
    or uses less than a quarter of these bits (temperatures, say, none of which is near zero). An image in twenty may
    lie outside.
    """
    beyond = math.floor(_OUTLIERS * len(spans))
    least = sorted(low for low, _ in spans)[beyond]
    greatest = sorted((high for _, high in spans), reverse=True)[beyond]
    bits = own_range((least, greatest))
    if least < greatest and (least < 0 or greatest > bits[1] or 4 * (greatest - least) < bits[1]):
        return least, greatest
    return bits


def to_bytes(samples: NDArray[Any], value_range: ValueRange) -> NDArray[np.uint8]:
    """Integers of any kind as 0..255. The range of 16 bits gives the upper byte."""
    low, high = value_range
    levels = np.empty(samples.shape, np.uint8)
    for start in range(0, len(samples), _ROWS):
        rows = samples[start : start + _ROWS].astype(np.int64).clip(low, high)
        levels[start : start + _ROWS] = (rows - low) * 256 // (high - low + 1)
    return levels
