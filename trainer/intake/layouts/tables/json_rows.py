"""JSON and JSON Lines as tables: a list of objects, a list of pairs, or an object from images to labels."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nettailor.normal_form import nfc
from trainer.intake.layouts.documents import json_lines
from trainer.intake.layouts.split_words import split_of
from trainer.intake.layouts.tables.grid import Grid, GridBuilder
from trainer.intake.upload import Document, DocumentUnreadable

LINES = (".jsonl", ".ndjson")
_KEY = "file"  # the column that the keys of an object of objects become
_SPLIT = "split"  # and the one for the keys that are splits

Entry = tuple[str, Any]  # its place, and what is there


def read_json_lines(document: Document, most_rows: int) -> Grid:
    """Raises DocumentUnreadable."""
    return _grid(document, most_rows, json_lines.read_json_lines(document))


def are_lines(document: Document) -> bool:
    """Whether a document that is called JSON begins with an object, and goes on with another one in the next line."""
    first, _, rest = document.head().partition(b"\n")
    try:
        return isinstance(json.loads(first), dict) and rest.lstrip().startswith(b"{")
    except (ValueError, RecursionError):
        return False


def read_json(document: Document, most_rows: int) -> Grid:
    """Raises DocumentUnreadable."""
    return _grid(document, most_rows, _entries(document.json()))


def _entries(content: Any) -> Iterator[Entry]:
    """The rows that a whole document holds."""
    if isinstance(content, list):
        yield from _numbered(content)
    elif isinstance(content, dict) and content and all(map(split_of, content)):
        for split, part in content.items():
            for where, entry in _entries(part):
                yield f"{split}, {where}", {_SPLIT: split, **_as_object(entry)}
    elif isinstance(content, dict):
        yield from _of_object(content)
    else:
        raise DocumentUnreadable("neither a list nor an object")


def _of_object(content: dict[str, Any]) -> Iterator[Entry]:
    """Of one list in an object, or of an object from images to labels or from labels to images."""
    lists = [value for value in content.values() if isinstance(value, list) and value and isinstance(value[0], dict)]
    if len(lists) == 1:
        yield from _numbered(lists[0])
        return
    for number, (key, value) in enumerate(content.items(), start=1):
        if isinstance(value, dict):
            yield f"entry {number}", {_KEY: key, **value}
        elif isinstance(value, list):
            yield from ((f"entry {number}", [each, key]) for each in value)
        else:
            yield f"entry {number}", [key, value]


def _numbered(entries: list[Any]) -> Iterator[Entry]:
    yield from ((f"entry {number}", entry) for number, entry in enumerate(entries, start=1))


def _as_object(entry: Any) -> Mapping[str, Any]:
    if isinstance(entry, dict):
        return entry
    if isinstance(entry, list) and len(entry) in {2, 3}:  # with the number of the class before its name
        return {"file": entry[0], "label": entry[-1]}
    return {"file": entry}


def _grid(document: Document, most_rows: int, entries: Iterable[Entry]) -> Grid:
    grid = GridBuilder(document, most_rows)
    columns: dict[str, int] = {}
    objects = None
    for where, entry in entries:
        if objects is None:
            objects = isinstance(entry, dict)
        if isinstance(entry, dict) != objects:
            raise DocumentUnreadable(f"{where}: not a JSON object" if objects else f"{where}: not like the others")
        if objects:
            grid.add(where, _cells(entry, columns))
        else:
            grid.add(where, map(cell, entry if isinstance(entry, list) else [entry]))
    return grid.build(tuple(columns) if objects else None)


def _cells(entry: Mapping[str, Any], columns: dict[str, int]) -> list[str]:
    """The cells of an object in the order of the columns, to which its new keys are added."""
    for name in entry:
        columns.setdefault(name, len(columns))
    cells = [""] * len(columns)
    for name, value in entry.items():
        cells[columns[name]] = cell(value)
    return cells


def cell(value: Any) -> str:
    """A cell as text: numbers are labels, too, as is what stands alone in a list; all else that is nested is none."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        return ""
    whole = str(value).encode("utf-8", "replace").decode()  # JSON can say halves of characters, which no file can hold
    return nfc(whole)
