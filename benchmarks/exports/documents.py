"""Pieces that many exports have in common: images in folders, and documents about them."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence

from benchmarks.exports.samples import Sample

Place = Callable[[Sample], str]
Cells = Callable[[Sample], Sequence[object]]


def by_pattern(pattern: str) -> Place:
    """Such as "{split}/{label}/"."""
    return lambda sample: pattern.format(split=sample.split, label=sample.label, number=sample.number, stem=sample.stem)


def images(found: Iterable[Sample], place: Place = lambda _sample: "images/") -> dict[str, bytes]:
    """By the folder that ``place`` tells, and the sample's name; a place that ends otherwise is the whole path."""
    placed = ((sample, place(sample)) for sample in found)
    return {f"{path}{sample.name}" if path.endswith("/") or not path else path: sample.data for sample, path in placed}


def as_json(content: object) -> bytes:
    return json.dumps(content).encode()


def as_lines(content: Iterable[object]) -> bytes:
    return b"\n".join(map(as_json, content))


def table(found: Iterable[Sample], cells: Cells, *, header: Sequence[str] | None = None, delimiter: str = ",") -> str:
    """CSV with a row a sample."""
    target = io.StringIO()
    writer = csv.writer(target, delimiter=delimiter)
    writer.writerows([*([] if header is None else [header]), *map(cells, found)])
    return target.getvalue()


def table_of_rows(
    rows: Sequence[Mapping[str, object]], *, delimiter: str = ",", quoting: int = csv.QUOTE_MINIMAL
) -> bytes:
    """CSV whose header are the keys of the first row."""
    target = io.StringIO()
    writer = csv.DictWriter(target, list(rows[0]), delimiter=delimiter, quoting=quoting)  # type: ignore[arg-type]  # any of csv's constants
    writer.writeheader()
    writer.writerows(rows)
    return target.getvalue().encode()
