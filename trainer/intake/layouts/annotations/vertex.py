"""Vertex AI's import files: CSV without a header, and JSON Lines, both with addresses in Cloud Storage."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from trainer.intake.layouts.annotations.reading import AnnotationFile, Entry
from trainer.intake.layouts.annotations.tool import AnnotationTool, bounded, objects, parse_all, text
from trainer.intake.layouts.documents.json_lines import read_json_lines
from trainer.intake.layouts.tables.text import decode
from trainer.intake.upload import Document, DocumentUnreadable, Upload

_SCHEME = "gs://"
_ML_USE = "aiplatform.googleapis.com/ml_use"
_LINES = (".jsonl", ".ndjson", ".json")


class Vertex(AnnotationTool):
    name = "Vertex AI import file"
    seen_from = "Vertex AI and AutoML Vision (CSV and JSON Lines; the documented forms)"
    reads = "`training,gs://bucket/1.jpg,cat`, or `classificationAnnotation`; an image is found by the end of its path"

    def files(self, upload: Upload) -> list[AnnotationFile]:
        tables = (each for each in upload.documents if each.suffix == ".csv" and _SCHEME.encode() in each.head())
        lists = (each for each in upload.documents if each.suffix in _LINES and b'"imageGcsUri"' in each.head())
        return [
            *parse_all(tables, lambda document: _parse(document, _of_csv(document), upload), upload.most_rows),
            *parse_all(lists, lambda document: _parse(document, _of_lines(document), upload), upload.most_rows),
        ]


def _parse(document: Document, entries: Iterator[Entry], upload: Upload) -> AnnotationFile | None:
    found = bounded(entries, upload.most_rows)
    return AnnotationFile(document=document, entries=found) if found else None


def _of_csv(document: Document) -> Iterator[Entry]:
    """Nothing for a table with a header. Raises DocumentUnreadable."""
    reader = csv.reader(io.StringIO(decode(document.read())[0], newline=""), strict=True)
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            at = next((at for at, cell in enumerate(cells[:2]) if cell.startswith(_SCHEME)), None)
            if at is None and reader.line_num == 1:
                return
            if any(cells):
                yield _of_cells(f"line {reader.line_num}", cells, at)
    except csv.Error as fault:
        raise DocumentUnreadable(f"line {reader.line_num}: {fault}") from None


def _of_cells(where: str, cells: list[str], at: int | None) -> Entry:
    """The address, what it is used for before it, and labels after it; behind those of boxes, their corners."""
    if at is None:
        return Entry(where=where, files=(",".join(cells),))
    labels = tuple(dict.fromkeys(filter(None, cells[at + 1 :])))
    split = cells[0] if at else ""
    if any(map(_is_number, labels[1:])):
        return Entry(where=where, files=(cells[at],), boxes=labels[:1], split=split)
    return Entry(where=where, files=(cells[at],), labels=labels, split=split)


def _is_number(cell: str) -> bool:
    return cell.replace(".", "", 1).isdigit()


def _of_lines(document: Document) -> Iterator[Entry]:
    """Raises DocumentUnreadable."""
    for where, line in read_json_lines(document):
        if isinstance(line, dict) and "imageGcsUri" in line:
            resources = line.get("dataItemResourceLabels")
            yield Entry(
                where=where,
                files=(text(line["imageGcsUri"]),),
                labels=_names([line.get("classificationAnnotation"), *objects(line.get("classificationAnnotations"))]),
                boxes=_names([*objects(line.get("boundingBoxAnnotations")), *objects(line.get("polygonAnnotations"))]),
                split=text(resources.get(_ML_USE)) if isinstance(resources, dict) else "",
            )


def _names(annotations: list[Any]) -> tuple[str, ...]:
    found = (text(each.get("displayName")) for each in annotations if isinstance(each, dict))
    return tuple({name for name in found if name})
