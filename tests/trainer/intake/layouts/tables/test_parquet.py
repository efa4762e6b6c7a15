"""Parquet tables of labels, with pyarrow and without."""

import importlib
import io
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.exports.samples import CLASSES, samples
from tests.trainer.intake.samples import assert_right, take_in
from trainer.errors import DatasetTooSmall
from trainer.intake.layouts.tables.parquet import read_parquet
from trainer.intake.upload import Document, DocumentUnreadable

FOUND = samples(splits=["train"], each=20)
IMAGES = {f"images/{sample.name}": sample.data for sample in FOUND}


@pytest.fixture
def arrow() -> Any:
    return importlib.import_module("pyarrow")


def packed(table: Any) -> bytes:
    target = io.BytesIO()
    importlib.import_module("pyarrow.parquet").write_table(table, target)
    return target.getvalue()


def document(data: bytes) -> Document:
    return Document(parts=("x.parquet",), size_bytes=len(data), offset=0, spool=io.BytesIO(data))


def test_a_table_of_labels(arrow: Any, tmp_path: Path) -> None:
    columns = {
        "image_id": [sample.name[:-4] for sample in FOUND],
        "embedding": [[0.1, 0.2] for _ in FOUND],
        "label": [CLASSES.index(sample.label) for sample in FOUND],
        "label_name": arrow.array([sample.label for sample in FOUND]).dictionary_encode(),
    }
    outcome = take_in(tmp_path, {**IMAGES, "metadata.parquet": packed(arrow.table(columns))})
    assert_right(outcome, FOUND, given=())
    assert outcome.report.findings == ()


def test_cells_are_as_in_other_tables(arrow: Any) -> None:
    grid = read_parquet(document(packed(arrow.table({"a": ["cafe\u0301", None], "b": [True, False], "c": [1, 2]}))), 10)
    assert grid.columns == ("a", "b", "c")
    assert [(row.where, row.cells) for row in grid.rows] == [
        ("row 1", ("caf\u00e9", "true", "1")),
        ("row 2", ("", "false", "2")),
    ]


def test_rows_are_bounded_before_they_are_read(arrow: Any) -> None:
    with pytest.raises(DocumentUnreadable, match="more than 10 rows"):
        read_parquet(document(packed(arrow.table({"a": [0] * 100_000}))), 10)


@pytest.mark.parametrize("spoil", [lambda data: data[:-9], lambda data: b"PAR1", lambda data: b"\x7f" * 200])
def test_what_is_no_parquet_says_so(arrow: Any, spoil: Any) -> None:
    with pytest.raises(DocumentUnreadable, match="not a Parquet table"):
        read_parquet(document(spoil(packed(arrow.table({"a": [1]})))), 10)


def test_without_the_extra_the_message_names_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DatasetTooSmall) as failure:
        take_in(tmp_path, {**IMAGES, "labels.parquet": b"PAR1 ... PAR1"})
    assert any("pip install 'nettailor-server[parquet]'" in reason for reason in failure.value.skipped)
