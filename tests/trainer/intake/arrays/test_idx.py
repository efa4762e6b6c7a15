"""Headers of IDX files, honest and not."""

import io
import struct

import numpy as np
import pytest

from benchmarks.exports.array_files import idx
from trainer.intake.arrays.header import ArrayUnreadable
from trainer.intake.arrays.idx import read_idx_header


@pytest.mark.parametrize("dtype", ["|u1", "|i1", ">i2", ">i4", ">f4", ">f8"])
def test_an_honest_header(dtype: str) -> None:
    data = idx(np.zeros((2, 3, 4), dtype))
    header = read_idx_header(io.BytesIO(data))
    assert (header.shape, header.dtype) == ((2, 3, 4), np.dtype(dtype))
    assert header.offset + header.size_bytes == len(data)


def test_sizes_that_nothing_could_hold_do_not_overflow() -> None:
    header = read_idx_header(io.BytesIO(b"\0\0\x0e\x04" + b"\xff" * 16))
    assert header.size_bytes == 8 * (2**32 - 1) ** 4


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0",
        b"\0\0\x08\0",
        b"\0\0\x08\x05" + bytes(20),
        b"\0\0\x07\x01" + bytes(4),
        b"\0\x01\x08\x01" + bytes(4),
        b"\0\0\x08\x03" + struct.pack(">II", 1, 1),
    ],
)
def test_what_is_none(data: bytes) -> None:
    with pytest.raises(ArrayUnreadable):
        read_idx_header(io.BytesIO(data))
