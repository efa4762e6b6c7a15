"""How often an activation has which value, and the range of bytes that says it best."""

import functools

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nettailor.bundle.tensors.ranges import LARGEST_BYTE

_KEPT_BITS = 14  # of a float32's 31 without the sign: its exponent and six bits behind, so 64 bins to a doubling
_DROPPED_BITS = 31 - _KEPT_BITS
_BINS = 255 << (_KEPT_BITS - 8)  # the last of the 256 exponents is that of infinity
_TRIED = 2.0 ** (-np.arange(33) / 8)  # ranges, as shares of the largest value: down to a sixteenth of it
_OF_NOTHING = 1.0  # the range of what is always 0, which a bundle cannot hold


class Histogram:
    """Of values that are not negative. What it counts does not depend on the order in which they come."""

    def __init__(self) -> None:
        self._counts = np.zeros(_BINS, np.int64)
        self._largest = 0.0

    def add(self, x: Tensor) -> None:
        """Count every value of a tensor."""
        values = x.detach().float().abs().nan_to_num().flatten()
        bins = values.view(torch.int32) >> _DROPPED_BITS
        self._counts += torch.bincount(bins, minlength=_BINS).cpu().numpy()
        self._largest = max(self._largest, float(values.max()))

    def best_range(self) -> float:
        """The range whose 256 bytes tell the values with the least mean square error: a smaller one cuts off large
        values, a larger one rounds all others more coarsely."""
        if self._largest == 0:
            return _OF_NOTHING
        ranges = self._largest * _TRIED
        return float(ranges[np.argmin([self._error(largest) for largest in ranges])])

    def _error(self, largest: float) -> float:
        """The sum of the squares. Values that round to 0 are off by themselves, others evenly by up to half a step."""
        step = largest / LARGEST_BYTE
        seen = self._counts > 0
        values = _middles()[seen]
        off = np.where(values < step / 2, values**2, step**2 / 12)
        off = np.where(values > largest, (values - largest) ** 2, off)
        return float((self._counts[seen] * off).sum())


@functools.cache
def _middles() -> NDArray[np.float64]:
    """The value in the middle of each bin; 0 in the first one, which holds zeros."""
    starts = np.arange(_BINS, dtype=np.int32) << _DROPPED_BITS
    middles = (starts + (1 << (_DROPPED_BITS - 1))).view(np.float32).astype(np.float64)
    middles[0] = 0.0
    return middles
