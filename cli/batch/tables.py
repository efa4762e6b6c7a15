"""The file of results: CSV, JSON Lines or Parquet, a row an image and task."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from cli.batch.entry import Row
from cli.errors import OptionUnusable
from trainer.intake.parquet.library import PyarrowMissing, pyarrow

_ROWS = 10_000  # of a Parquet file's groups, which are in memory one at a time
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how a cell begins that a spreadsheet may compute
_UNDECODABLE = re.compile("[\ud800-\udfff]")

Write = Callable[[BinaryIO, Iterable[Row], int], None]
"""Writes rows to a file; the number is how many classes a row may have."""


def writer_for(results: Path) -> Write:
    """By the name's ending. Raises `OptionUnusable`, also where a library is missing."""
    write = _WRITERS.get(results.suffix.lower())
    if write is None:
        raise OptionUnusable(
            f"{results}: results are written as {', '.join(_WRITERS)}, and its name says none of these"
        )
    if write is _write_parquet:
        try:
            pyarrow()
        except PyarrowMissing as error:
            raise OptionUnusable(f"{results}: a Parquet file {error}") from error
    return write


def utf8(text: str) -> str:
    """Text that may hold bytes of file names that are no UTF-8: they are written as `\\xe9`."""
    return _UNDECODABLE.sub(lambda found: f"\\x{ord(found[0]) & 0xFF:02x}", text)


def _write_csv(file: BinaryIO, rows: Iterable[Row], top_k: int) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    table = csv.writer(text)
    more = [name for k in range(2, top_k + 1) for name in (f"label_{k}", f"probability_{k}")]
    table.writerow(["path", "task", "version", "label", "probability", *more, "error"])
    table.writerows(_cells(row, top_k) for row in rows)
    text.detach()


def _cells(row: Row, top_k: int) -> list[object]:
    labels = row.answer.labels if row.answer else ()
    shown = [cell for label in labels for cell in (_inert(label.label), label.probability)]
    missing = [""] * (2 * (top_k - len(labels)))
    version = row.answer.version if row.answer else ""
    return [_inert(_path(row.path)), row.task, version, *shown, *missing, _inert(row.error or "")]


def _path(path: str) -> str:
    """The same file, by a name that no spreadsheet computes."""
    return f"./{path}" if path.startswith(_FORMULA) else path


def _inert(text: str) -> str:
    """Text that no spreadsheet takes for a formula. Numbers stay what they are."""
    text = utf8(text)
    return f"'{text}" if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text


def _write_jsonl(file: BinaryIO, rows: Iterable[Row], top_k: int) -> None:
    for row in rows:
        file.write(json.dumps(_document(row), ensure_ascii=False).encode() + b"\n")


def _document(row: Row) -> dict[str, Any]:
    labels = row.answer.labels if row.answer else ()
    return {
        "path": utf8(row.path),
        "task": row.task,
        "version": row.answer.version if row.answer else None,
        "label": labels[0].label if labels else None,
        "probability": labels[0].probability if labels else None,
        "predictions": [asdict(label) for label in labels],
        "error": None if row.error is None else utf8(row.error),
    }


def _write_parquet(file: BinaryIO, rows: Iterable[Row], top_k: int) -> None:
    arrow, parquet = pyarrow()
    prediction = {"label": arrow.string(), "index": arrow.int32(), "probability": arrow.float64()}
    schema = arrow.schema(
        {
            "path": arrow.string(),
            "task": arrow.string(),
            "version": arrow.int64(),
            "label": arrow.string(),
            "probability": arrow.float64(),
            "predictions": arrow.list_(arrow.struct(prediction)),
            "error": arrow.string(),
        }
    )
    with parquet.ParquetWriter(file, schema) as table:
        for group in _groups(map(_document, rows)):
            table.write_table(arrow.Table.from_pylist(group, schema=schema))


def _groups(documents: Iterator[dict[str, Any]]) -> Iterator[Sequence[dict[str, Any]]]:
    while group := list(islice(documents, _ROWS)):
        yield group


_WRITERS: dict[str, Write] = {".csv": _write_csv, ".jsonl": _write_jsonl, ".parquet": _write_parquet}
