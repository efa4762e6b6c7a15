"""VGG Image Annotator: regions and attributes of files, as JSON and as CSV."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trainer.intake.layouts.annotations.reading import AnnotationFile, Entry
from trainer.intake.layouts.annotations.tool import (
    AnnotationTool,
    bounded,
    json_documents,
    objects,
    parse_all,
    pick,
    sorting_answers,
    text,
)
from trainer.intake.layouts.image_finder import finder_of
from trainer.intake.layouts.tables.delimited import read_delimited
from trainer.intake.upload import Document, Upload

_PROJECT = "_via_img_metadata"
_FILE, _ATTRIBUTES, _REGION = "filename", "file_attributes", "region_attributes"  # columns of the CSV


class Via(AnnotationTool):
    name = "VGG Image Annotator"
    seen_from = "VIA 2 (project, JSON and CSV export), VIA 1 (CSV; the documented forms)"
    reads = "the attribute of files that sorts them; regions are boxes, and refused unless every image shows one class"
    boxes_only = True

    def files(self, upload: Upload) -> list[AnnotationFile]:
        documents = json_documents(upload, {_PROJECT, "_via_settings", _ATTRIBUTES, "regions"})
        tables = (each for each in upload.documents if each.suffix == ".csv" and _is_table(each.head()))
        return [
            *parse_all(documents, lambda document: _parse(document, _of_json(document), upload), upload.most_rows),
            *parse_all(tables, lambda document: _parse(document, _of_csv(document, upload), upload), upload.most_rows),
        ]


def _is_table(head: bytes) -> bool:
    header = head.partition(b"\n")[0]
    return all(name.encode() in header for name in (_FILE, _ATTRIBUTES, _REGION))


def _of_json(document: Document) -> list[Mapping[str, Any]]:
    """The images that it lists. Raises DocumentUnreadable."""
    content = document.json()
    found = content.get(_PROJECT, content)
    images = objects(list(found.values())) if isinstance(found, dict) else []
    return [image for image in images if _FILE in image and "regions" in image]


def _of_csv(document: Document, upload: Upload) -> list[Mapping[str, Any]]:
    """The same from a table with a row a region, or one for an image without any. Raises DocumentUnreadable."""
    grid = read_delimited(document, upload.once(finder_of), upload.most_rows)
    columns = [name.lstrip("#").strip() for name in grid.columns or ()]
    if not {_FILE, _ATTRIBUTES, _REGION} <= set(columns):
        return []
    file, attributes, region = map(columns.index, (_FILE, _ATTRIBUTES, _REGION))
    images: dict[str, dict[str, Any]] = {}
    for row in grid.rows:
        image = images.setdefault(row.cells[file], {_FILE: row.cells[file], "regions": []})
        image.setdefault(_ATTRIBUTES, _object(row.cells[attributes]))
        image["regions"].append({_REGION: _object(row.cells[region])})
    return list(images.values())


def _object(cell: str) -> Any:
    """What a cell of JSON holds; None for all others."""
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return None


def _parse(document: Document, images: Sequence[Mapping[str, Any]], upload: Upload) -> AnnotationFile | None:
    if not images:
        return None
    attributes = [dict(_values(image.get(_ATTRIBUTES))) for image in images]
    question, findings = pick(document, "file attributes", sorting_answers(attributes))
    entries = (
        Entry(
            where=f"file {text(image[_FILE])[:100]}",
            files=(text(image[_FILE]),),
            labels=found.get(question or "", ()),
            boxes=tuple(set(_of_regions(image["regions"]))),
        )
        for image, found in zip(images, attributes, strict=True)
    )
    return AnnotationFile(document=document, entries=bounded(entries, upload.most_rows), findings=findings)


def _values(attributes: Any) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The words of every attribute: one, or those that are ticked."""
    for name, value in attributes.items() if isinstance(attributes, dict) else ():
        ticked = [key for key, is_ticked in value.items() if is_ticked] if isinstance(value, dict) else [text(value)]
        words = tuple(filter(None, ticked))
        if words:
            yield name, words


def _of_regions(regions: Any) -> Iterator[str]:
    """VIA 1 numbers the regions, VIA 2 lists them."""
    found = objects(list(regions.values()) if isinstance(regions, dict) else regions)
    for region in found:
        for _, words in _values(region.get(_REGION)):
            yield from words
