"""The header of NumPy's `.npy` files."""

from tokenize import TokenError
from typing import BinaryIO, cast

import numpy as np

from trainer.intake.archives.tar import Stream
from trainer.intake.arrays.header import ArrayHeader, ArrayUnreadable, checked_header

MAGIC = b"\x93NUMPY"
_MOST_BYTES = 4096  # of a header; those of plain arrays take 128


class _Counting:
    """A stream that knows how much of it was read, and that gives no more than a header may take."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.count = 0

    def read(self, size: int) -> bytes:
        if self.count + size > 2 * _MOST_BYTES:
            raise ArrayUnreadable("its header is too long")
        data = self._stream.read(size)
        self.count += len(data)
        return data


def read_npy_header(stream: Stream) -> ArrayHeader:
    """The stream then stands at the first number. Raises ArrayUnreadable."""
    counting = _Counting(stream)
    file = cast(BinaryIO, counting)
    try:
        version = np.lib.format.read_magic(file)
        if version == (1, 0):
            shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(file, max_header_size=_MOST_BYTES)
        elif version == (2, 0):
            shape, is_fortran, dtype = np.lib.format.read_array_header_2_0(file, max_header_size=_MOST_BYTES)
        else:
            raise ArrayUnreadable(f"version {version} of its format is not known")
    except (ValueError, TypeError, SyntaxError, TokenError, RecursionError, MemoryError):
        raise ArrayUnreadable("its header is damaged") from None
    if is_fortran and len(shape) > 1:
        raise ArrayUnreadable(
            "its numbers lie column by column (Fortran order). Save it as np.save(file, np.ascontiguousarray(array))"
        )
    return checked_header(shape, dtype, counting.count)
