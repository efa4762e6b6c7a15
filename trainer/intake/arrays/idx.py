"""The header of IDX files, the format of MNIST: two zero bytes, the kind of numbers, how many dimensions, their sizes.

Everything is written with the highest byte first.
"""

import struct

import numpy as np

from trainer.intake.archives.tar import Stream
from trainer.intake.arrays.header import ArrayHeader, ArrayUnreadable, checked_header
from trainer.intake.arrays.streams import read_exactly

# how such files are called, the longest ending first
SUFFIXES = tuple(
    f"{dash}idx{dimensions}-ubyte{packed}" for packed in (".gz", "") for dash in ("-", ".") for dimensions in (3, 1)
)
_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MOST_DIMENSIONS = 4


def read_idx_header(stream: Stream) -> ArrayHeader:
    """The stream then stands at the first number. Raises ArrayUnreadable."""
    start = read_exactly(stream, 4)
    kind, dimensions = start[2], start[3]
    if start[:2] != b"\0\0" or kind not in _DTYPES or not 1 <= dimensions <= _MOST_DIMENSIONS:
        raise ArrayUnreadable("it is no IDX file")
    shape = struct.unpack(f">{dimensions}I", read_exactly(stream, 4 * dimensions))
    return checked_header(shape, np.dtype(_DTYPES[kind]), 4 + 4 * dimensions)
