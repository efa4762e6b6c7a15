"""Headers of NumPy files, honest and not: nothing is believed, nothing is run."""

import io
import struct
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.exports.array_files import npy
from trainer.intake.arrays.header import ArrayUnreadable
from trainer.intake.arrays.npy import MAGIC, read_npy_header


def with_header(text: str, version: bytes = b"\x01\x00") -> io.BytesIO:
    data = text.encode("latin-1")
    return io.BytesIO(MAGIC + version + struct.pack("<H" if version[0] == 1 else "<I", len(data)) + data)


@given(
    shape=st.lists(st.integers(0, 5), max_size=4).map(tuple),
    dtype=st.sampled_from(["|u1", "<f4", ">i2", "<U7", "|S3", "|b1", "<f8"]),
)
def test_an_honest_header_says_what_numpy_wrote(shape: tuple[int, ...], dtype: str) -> None:
    data = npy(np.zeros(shape, dtype))
    stream = io.BytesIO(data)
    header = read_npy_header(stream)
    assert (header.shape, header.dtype) == (shape, np.dtype(dtype))
    assert header.offset == stream.tell()
    assert header.offset + header.size_bytes == len(data)


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        (io.BytesIO(npy(np.array([{}], object))), "Python objects"),
        (io.BytesIO(npy(np.array([(1, 2)], [("a", "i4"), ("b", "i4")]))), "not numbers or text"),
        (io.BytesIO(npy(np.array(["2020-01-01"], "datetime64[D]"))), "not numbers or text"),
        (io.BytesIO(npy(np.asfortranarray(np.zeros((2, 3))))), "Fortran order"),
        (with_header("{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 8, 8)}"), "cannot be"),
        (with_header("{'descr': '|u1', 'fortran_order': False, 'shape': (1,) * 9}"), "damaged"),
        (with_header(f"{{'descr': '|u1', 'fortran_order': False, 'shape': {(1,) * 9}}}"), "cannot be"),
        (
            with_header("{'descr': ('|u1', (99999, 99999)), 'fortran_order': False, 'shape': (1,)}"),
            "damaged|not numbers",
        ),
        (with_header("{'descr': '|V0', 'fortran_order': False, 'shape': (1,)}"), "numbers or text"),
        (with_header("__import__('os').system('true')"), "damaged"),
        (with_header("{'descr': '|u1'}"), "damaged"),
        (with_header("(" * 4000), "damaged"),
        (with_header("'''"), "damaged"),
        (with_header(" " * 5000), "damaged|too long"),
        (with_header(" " * 60_000), "too long"),
        (io.BytesIO(MAGIC + b"\x02\x00" + struct.pack("<I", 2**32 - 1)), "too long"),
        (io.BytesIO(MAGIC + b"\x07\x00"), "version"),
        (io.BytesIO(MAGIC), "damaged"),
        (io.BytesIO(b"PK\x03\x04"), "damaged"),
    ],
)
def test_what_cannot_be_read_has_a_reason(stream: io.BytesIO, reason: str) -> None:
    with pytest.raises(ArrayUnreadable, match=reason):
        read_npy_header(stream)


@given(data=st.binary(max_size=300), version=st.sampled_from([b"\x01\x00", b"\x02\x00"]))
def test_no_bytes_break_it(data: bytes, version: bytes) -> None:
    with suppress(ArrayUnreadable):
        read_npy_header(io.BytesIO(MAGIC + version + data))
