"""Headers of pages, against what pyarrow writes, and against bytes that nobody wrote."""

import importlib
import io
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.exports.parquet_files import packed
from trainer.intake.parquet.library import ParquetUnreadable
from trainer.intake.parquet.pages import read_pages


def number(field_step: int, value: int) -> bytes:
    """A field of a Thrift struct: a whole number, as a varint in zigzag."""
    left, data = value * 2 if value >= 0 else -value * 2 - 1, bytes([field_step << 4 | 5])
    while left > 127:
        data, left = data + bytes([left & 127 | 128]), left >> 7
    return data + bytes([left])


def header(unpacked_bytes: int, packed_bytes: int, more: bytes = b"") -> bytes:
    return number(1, 0) + number(1, unpacked_bytes) + number(1, packed_bytes) + more + b"\0"


def sizes(data: bytes) -> list[tuple[int, int]]:
    return [(page.packed_bytes, page.unpacked_bytes) for page in read_pages(io.BytesIO(data), 0, len(data))]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "zstd", "data_page_size": 2000, "write_batch_size": 10},
        {"data_page_version": "2.0", "row_group_size": 50},
        {"use_dictionary": False, "write_statistics": False, "compression": "none"},
        {"write_page_checksum": True},
    ],
)
def test_the_pages_of_a_column_are_the_column(options: dict[str, Any]) -> None:
    arrow = importlib.import_module("pyarrow")
    blobs = [bytes([row % 7]) * 100 for row in range(200)]
    data = packed(arrow.table({"blob": blobs, "number": list(range(200))}), **options)
    metadata = importlib.import_module("pyarrow.parquet").read_metadata(io.BytesIO(data))
    for group in range(metadata.num_row_groups):
        for index in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(index)
            start = chunk.dictionary_page_offset or chunk.data_page_offset
            pages = list(read_pages(io.BytesIO(data), start, chunk.total_compressed_size))
            heads = chunk.total_compressed_size - sum(page.packed_bytes for page in pages)
            assert sum(page.unpacked_bytes for page in pages) + heads == chunk.total_uncompressed_size


def test_fields_of_every_kind_are_skipped() -> None:
    truth, falsehood = b"\x11", b"\x12"
    byte, double, text = b"\x13\x07", b"\x17" + bytes(8), b"\x18\x03abc"
    struct = b"\x1c" + text + b"\x1c" + number(1, -9) + b"\0" + b"\0"
    numbers = b"\x19\x25\x02\x04" + b"\x19\x21\x01\x02"  # a list of two numbers, and one of two truths
    far = b"\x05\xc8\x01" + b"\x02"  # a field that names its number in full
    head = header(90, 5, truth + falsehood + byte + double + text + struct + numbers + far)
    assert sizes(head + bytes(5) + header(7, 0)) == [(5, 90), (0, 7)]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (header(5, -1), "damaged"),
        (number(1, 0) + b"\0", "damaged"),
        (header(5, 5)[:-1], "ends too early"),
        (header(5, 5, b"\x1d"), "damaged"),
        (header(5, 5, b"\x19\xf5\xff\xff\xff\xff\x0f"), "ends too early"),
        (header(5, 5, b"\x1c" * 20), "damaged"),
        (header(5, 5, b"\x15" + b"\xff" * 11), "damaged"),
        (header(5, 5, b"\x18" + b"\xff" * 9 + b"\x01"), "ends too early"),
    ],
    ids=[
        "a size below 0",
        "no sizes",
        "cut off",
        "an unknown kind",
        "a list without end",
        "too deep",
        "no end of a number",
        "a text without end",
    ],
)
def test_what_is_no_header(data: bytes, reason: str) -> None:
    with pytest.raises(ParquetUnreadable, match=reason):
        sizes(data)


@given(data=st.binary(max_size=200))
def test_no_bytes_break_it(data: bytes) -> None:
    with suppress(ParquetUnreadable):
        assert all(min(pair) >= 0 for pair in sizes(data))
