"""What a Parquet file claims is held to the limits before anything of it is unpacked."""

import importlib
import io
import struct
from typing import Any

import pytest

from benchmarks.exports.parquet_files import packed
from trainer.intake.parquet.library import ParquetUnreadable
from trainer.intake.parquet.parquet_file import PageLimits, ParquetFile
from trainer.intake.upload import Document

LIMITS = PageLimits(page_bytes=1 << 20, ratio=100, ratio_floor_bytes=1 << 16)


@pytest.fixture(autouse=True)
def arrow() -> Any:
    return importlib.import_module("pyarrow")


def opened(data: bytes) -> ParquetFile:
    return ParquetFile(Document(parts=("x.parquet",), size_bytes=len(data), offset=0, spool=io.BytesIO(data)))


def test_rows_of_columns_and_of_parts_of_columns(arrow: Any) -> None:
    image = arrow.array([{"bytes": b"a", "path": "1", "size": 3}, None])
    file = opened(packed(arrow.table({"image": image, "label": [1, 2], "other": [3, 4]}), row_group_size=1))
    assert file.row_count == 2
    assert list(file.rows(["image.bytes", "image.path", "label"], LIMITS)) == [
        {"image": {"bytes": b"a", "path": "1"}, "label": 1},
        {"image": None, "label": 2},
    ]


@pytest.mark.parametrize(
    ("size_bytes", "options", "reason"),
    [
        (3 << 20, {"compression": "none"}, "a page unpacks to 3145.* bytes; write fewer rows"),
        (1 << 19, {"compression": "zstd"}, "more than 100 times its size"),
        (1 << 19, {"compression": "zstd", "use_dictionary": False}, "more than 100 times its size"),
    ],
)
def test_pages_are_bounded(arrow: Any, size_bytes: int, options: dict[str, Any], reason: str) -> None:
    file = opened(packed(arrow.table({"blob": [bytes(size_bytes)]}), **options))
    with pytest.raises(ParquetUnreadable, match=reason):
        next(file.rows(["blob"], LIMITS))


def test_columns_that_are_not_read_are_no_matter(arrow: Any) -> None:
    file = opened(packed(arrow.table({"blob": [bytes(3 << 20)], "label": [1]}), compression="none"))
    assert list(file.rows(["label"], LIMITS)) == [{"label": 1}]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: b"PAR1",
        lambda data: data[:-1],
        lambda data: data[:-8] + struct.pack("<I", 1 << 31) + b"PAR1",
        lambda data: data[:-8] + struct.pack("<I", 1 << 20) + b"PAR1",
        lambda data: data[:4] + b"\xff" * 40 + data[44:],
    ],
)
def test_damage_has_a_reason(arrow: Any, spoil: Any) -> None:
    data = packed(arrow.table({"label": ["cat", "dog"] * 20}))
    with pytest.raises(ParquetUnreadable):
        list(opened(spoil(data)).rows(["label"], LIMITS))
