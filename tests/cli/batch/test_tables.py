"""Results as CSV, JSON Lines and Parquet."""

import csv
import importlib
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from cli.batch.entry import Answer, Entry, Label, Row
from cli.batch.tables import writer_for
from cli.errors import OptionUnusable

_TASKS = ("signs", "birds@next")


def _rows() -> list[Row]:
    labels = (Label("stop", 2, 0.75), Label('=SUM("a")', 0, 0.25))
    one = [Answer(task="signs", version=3, labels=labels), Answer(task="birds@next", version=1, labels=labels[:1])]
    entries = [
        Entry(path='sub/"odd",\nname.jpg', answers=tuple(one)),
        Entry(path="caf\udce9.jpg", answers=(Answer(task="signs", version=3, labels=(Label("-1", 1, 1.0),)),)),
        Entry(path="=cmd|' /C calc'!A0.jpg", error="not an image\x00"),
    ]
    return [row for entry in entries for row in entry.rows(_TASKS)]


def _written(name: str, top_k: int = 2) -> bytes:
    file = io.BytesIO()
    writer_for(Path(name))(file, iter(_rows()), top_k)
    return file.getvalue()


def test_csv_holds_nothing_that_a_spreadsheet_computes() -> None:
    header, *rows = csv.reader(io.StringIO(_written("r.CSV").decode(), newline=""))
    assert header == ["path", "task", "version", "label", "probability", "label_2", "probability_2", "error"]
    assert rows == [
        ['sub/"odd",\nname.jpg', "signs", "3", "stop", "0.75", '\'=SUM("a")', "0.25", ""],
        ['sub/"odd",\nname.jpg', "birds@next", "1", "stop", "0.75", "", "", ""],
        ["caf\\xe9.jpg", "signs", "3", "-1", "1.0", "", "", ""],
        ["./=cmd|' /C calc'!A0.jpg", "signs", "", "", "", "", "", "not an image\x00"],
        ["./=cmd|' /C calc'!A0.jpg", "birds@next", "", "", "", "", "", "not an image\x00"],
    ]


_DOCUMENTS: list[dict[str, Any]] = [
    {
        "path": 'sub/"odd",\nname.jpg',
        "task": "signs",
        "version": 3,
        "label": "stop",
        "probability": 0.75,
        "predictions": [
            {"label": "stop", "index": 2, "probability": 0.75},
            {"label": '=SUM("a")', "index": 0, "probability": 0.25},
        ],
        "error": None,
    },
    {
        "path": "=cmd|' /C calc'!A0.jpg",
        "task": "birds@next",
        "version": None,
        "label": None,
        "probability": None,
        "predictions": [],
        "error": "not an image\x00",
    },
]


def test_json_lines_hold_the_names_as_they_are() -> None:
    lines = [json.loads(line) for line in _written("r.jsonl").decode().split("\n")[:-1]]
    assert [lines[0], lines[-1]] == _DOCUMENTS
    assert lines[2]["path"] == "caf\\xe9.jpg"
    assert len(lines) == 5


def test_parquet_holds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.batch.tables._ROWS", 2)  # so that there are several groups
    parquet = importlib.import_module("pyarrow.parquet")
    file = parquet.ParquetFile(io.BytesIO(_written("r.parquet")))
    rows = file.read().to_pylist()
    assert [rows[0], rows[-1]] == _DOCUMENTS
    assert (len(rows), file.num_row_groups) == (5, 3)


@pytest.mark.parametrize("name", ["r.txt", "results", "r.csv.gz"])
def test_other_endings_are_refused(name: str) -> None:
    with pytest.raises(OptionUnusable, match=r"\.csv, \.jsonl, \.parquet"):
        writer_for(Path(name))


def test_parquet_without_its_library_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(OptionUnusable, match=r"pip install 'nettailor-server\[parquet\]'"):
        writer_for(Path("r.parquet"))
