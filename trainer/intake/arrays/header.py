"""What an array claims to hold, before a number of it is read."""

from dataclasses import dataclass
from math import prod

import numpy as np

_KINDS = frozenset("biufUS")  # booleans, whole numbers, fractions, text; no objects, dates or records
_DIMENSIONS = 8


class ArrayUnreadable(Exception):
    """The array cannot be read; its text is the reason, and what to do about it where that can be said."""


@dataclass(frozen=True, kw_only=True)
class ArrayHeader:
    """Its numbers begin ``offset`` bytes into its file, the last dimension closest together."""

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    offset: int

    @property
    def size_bytes(self) -> int:
        """Of all numbers. Python's whole numbers do not overflow, whatever a header claims."""
        return prod(self.shape) * self.dtype.itemsize


def checked_header(shape: tuple[int, ...], dtype: np.dtype[np.generic], offset: int) -> ArrayHeader:
    """Raises ArrayUnreadable."""
    if dtype.hasobject:
        raise ArrayUnreadable(
            "it holds Python objects (pickle), which can run code when they are read and never are here. "
            "Save plain numbers or text: np.save(file, np.array(values.tolist()))"
        )
    if dtype.kind not in _KINDS or dtype.itemsize == 0 or dtype.subdtype is not None:
        raise ArrayUnreadable(f"it holds {dtype.name[:50]}, not numbers or text")
    if len(shape) > _DIMENSIONS or any(side < 0 for side in shape):
        raise ArrayUnreadable(f"its shape {str(shape)[:100]} cannot be")
    return ArrayHeader(shape=shape, dtype=dtype, offset=offset)
