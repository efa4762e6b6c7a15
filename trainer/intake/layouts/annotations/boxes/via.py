"""VGG Image Annotator: regions and attributes of files, as JSON."""

from collections.abc import Iterator
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
from trainer.intake.upload import Document, Upload

_PROJECT = "_via_img_metadata"


class Via(AnnotationTool):
    name = "VGG Image Annotator"
    seen_from = "VIA 2 (project and JSON export; the documented form)"
    reads = "the attribute of files that sorts them; regions are boxes, and refused unless every image shows one class"
    boxes_only = True

    def files(self, upload: Upload) -> list[AnnotationFile]:
        return parse_all(
            json_documents(upload, {_PROJECT, "_via_settings", "file_attributes", "regions"}),
            lambda document: _parse(document, upload.most_rows),
            upload.most_rows,
        )


def _parse(document: Document, most_rows: int) -> AnnotationFile | None:
    content = document.json()
    found = content.get(_PROJECT, content)
    images = objects(list(found.values())) if isinstance(found, dict) else []
    images = [image for image in images if "filename" in image and "regions" in image]
    if not images:
        return None
    attributes = [dict(_values(image.get("file_attributes"))) for image in images]
    question, findings = pick(document, "file attributes", sorting_answers(attributes))
    entries = (
        Entry(
            where=f"file {text(image['filename'])[:100]}",
            files=(text(image["filename"]),),
            labels=found.get(question or "", ()),
            boxes=tuple(set(_of_regions(image["regions"]))),
        )
        for image, found in zip(images, attributes, strict=True)
    )
    return AnnotationFile(document=document, entries=bounded(entries, most_rows), findings=findings)


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
        for _, words in _values(region.get("region_attributes")):
            yield from words
