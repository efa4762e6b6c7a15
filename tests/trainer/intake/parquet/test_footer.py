"""Where columns lie, against what pyarrow says of its own files, and against bytes that nobody wrote."""

import importlib
import io
import struct
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.exports.parquet_files import packed
from trainer.intake.parquet.footer import MAGIC, read_chunks
from trainer.intake.parquet.library import ParquetUnreadable


def ended(footer: bytes) -> io.BytesIO:
    return io.BytesIO(MAGIC + footer + struct.pack("<I", len(footer)) + MAGIC)


@pytest.mark.parametrize("options", [{}, {"row_group_size": 7}, {"use_dictionary": False}, {"version": "1.0"}])
def test_columns_are_where_they_were_written(options: dict[str, Any]) -> None:
    arrow = importlib.import_module("pyarrow")
    image = arrow.array([{"bytes": bytes([row]), "path": "x"} for row in range(20)])
    data = packed(arrow.table({"image": image, "label": ["a", "b"] * 10, "many": [[1, 2]] * 20}), **options)
    metadata = importlib.import_module("pyarrow.parquet").read_metadata(io.BytesIO(data))
    groups = range(metadata.num_row_groups)
    told = [metadata.row_group(group).column(index) for group in groups for index in range(metadata.num_columns)]
    assert [(chunk.path, chunk.start, chunk.size_bytes) for chunk in read_chunks(io.BytesIO(data))] == [
        (chunk.path_in_schema, chunk.dictionary_page_offset or chunk.data_page_offset, chunk.total_compressed_size)
        for chunk in told
    ]


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (io.BytesIO(b""), "no footer"),
        (io.BytesIO(MAGIC), "no footer"),
        (io.BytesIO(MAGIC + struct.pack("<I", 999) + MAGIC), "too long"),
        (ended(b""), "ends too early"),
    ],
    ids=["empty", "short", "beyond the file", "no struct"],
)
def test_what_is_no_footer(file: io.BytesIO, reason: str) -> None:
    with pytest.raises(ParquetUnreadable, match=reason):
        read_chunks(file)


def test_one_without_rows_has_no_columns() -> None:
    assert read_chunks(ended(b"\x00")) == []


@given(footer=st.binary(max_size=200))
def test_no_bytes_break_it(footer: bytes) -> None:
    with suppress(ParquetUnreadable):
        read_chunks(ended(footer))
