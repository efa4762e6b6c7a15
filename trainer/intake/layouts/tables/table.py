"""Labels in a file: a CSV or JSON Lines table in the upload that says what each image is.

Columns, in any order and case: the image (`file`, `path`, `image`, `filename`, `file_name`, `name`), its class
(`label`, `class`, `category`), and optionally the split (`split`, `set`, `subset`, `partition`). Paths are relative to
the table's folder or to the archive, or a name that only one image has.
"""

import csv
import io
import json
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trainer.intake.archives.paths import Parts
from trainer.intake.layouts.split_words import SPLIT_NAMES
from trainer.intake.placement import MAX_CLASS_CHARACTERS, Placement
from trainer.intake.upload import Document

SUFFIXES = (".csv", ".jsonl", ".ndjson")
_FILE = ("file", "path", "image", "filename", "file_name", "name")
_LABEL = ("label", "class", "category")
_SPLIT = ("split", "set", "subset", "partition")
_DELIMITERS = ",;\t"


class _Unreadable(Exception):
    """The table cannot be used as one; its text is the reason."""


@dataclass(frozen=True, kw_only=True)
class _Row:
    line: int  # from 1
    file: str
    label: str
    split: str


@dataclass(kw_only=True)
class LabelTable:
    """What one table says: `places` of images, and its rows that say nothing usable, as reasons with their line."""

    parts: Parts
    places: dict[Parts, Placement] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def read_table(document: Document, images: Sequence[Parts], most_rows: int) -> LabelTable:
    """The table for images at these paths. A document that is no such table has no places, and one fault."""
    parts = document.parts
    table, find = LabelTable(parts=parts), _Finder(parts[:-1], images)
    contradicted: set[Parts] = set()
    try:
        for row in _rows(parts, document.read()):
            if row.line > most_rows:
                raise _Unreadable(f"more than {most_rows} lines")
            _take(row, table, find, contradicted)
    except _Unreadable as fault:
        table.faults.append(str(fault))
    for image in contradicted:
        del table.places[image]
    return table


def _take(row: _Row, table: LabelTable, find: "_Finder", contradicted: set[Parts]) -> None:
    image = find(row.file)
    if image is None:
        table.faults.append(f"line {row.line}: no image {row.file[:200]!r} in the archive")
    elif not row.label:
        table.faults.append(f"line {row.line}: {row.file[:200]!r} has no label")
    elif len(row.label) > MAX_CLASS_CHARACTERS:
        table.faults.append(f"line {row.line}: the class name is longer than {MAX_CLASS_CHARACTERS} characters")
    elif row.split and row.split.lower() not in SPLIT_NAMES:
        table.faults.append(f"line {row.line}: {row.split[:50]!r} is no split (train, val, test)")
    else:
        place = Placement(label=row.label, split=SPLIT_NAMES.get(row.split.lower()))
        if table.places.setdefault(image, place) != place:
            table.faults.append(f"line {row.line}: {row.file[:200]!r} was said to be something else before")
            contradicted.add(image)


class _Finder:
    """From a path as people write it to an image of the archive."""

    def __init__(self, folder: Parts, images: Sequence[Parts]) -> None:
        self._folder = folder
        self._images = set(images)
        named: dict[str, list[Parts]] = defaultdict(list)
        for image in images:
            named[image[-1]].append(image)
        self._named = {name: found[0] for name, found in named.items() if len(found) == 1}

    def __call__(self, path: str) -> Parts | None:
        text = unicodedata.normalize("NFC", path.strip().replace("\\", "/"))
        parts = tuple(part for part in text.split("/") if part not in ("", "."))
        for candidate in (self._folder + parts, parts):
            if candidate in self._images:
                return candidate
        return self._named.get(parts[0]) if len(parts) == 1 else None


def _rows(parts: Parts, data: bytes) -> Iterator[_Row]:
    """Raises `_Unreadable`."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise _Unreadable(f"not UTF-8 text (byte {fault.start})") from None
    rows = _csv_rows(text) if parts[-1].lower().endswith(".csv") else _json_rows(text)
    for line, row in rows:
        found = {_key(name): value for name, value in row.items() if isinstance(name, str)}
        values = [next((found[name] for name in names if name in found), None) for names in (_FILE, _LABEL, _SPLIT)]
        if values[0] is None or not _names_label(found):
            raise _Unreadable(f"line {line}: no {'file' if values[0] is None else 'label'} column")
        file, label, split = (unicodedata.normalize("NFC", _text(value)) for value in values)
        yield _Row(line=line, file=file, label=label, split=split)


def _names_label(row: Mapping[str, Any]) -> bool:
    return any(name in row for name in _LABEL)


def _key(name: str) -> str:
    return name.strip().lower()


def _text(value: Any) -> str:
    """A cell as text: numbers are labels, too; what is nested is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).strip()


def _csv_rows(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    header, _, _ = text.partition("\n")
    delimiter = max(_DELIMITERS, key=header.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as fault:
        raise _Unreadable(f"line {reader.line_num}: {fault}") from None


def _json_rows(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise _Unreadable(f"line {number}: not JSON") from None
        if not isinstance(row, dict):
            raise _Unreadable(f"line {number}: not a JSON object")
        yield number, row
