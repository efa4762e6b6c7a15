"""Create ML's JSON: a list of images with boxes, or with one label."""

from collections.abc import Mapping
from typing import Any

from trainer.intake.layouts.annotations.reading import AnnotationFile, Entry
from trainer.intake.layouts.annotations.tool import AnnotationTool, bounded, json_documents, objects, parse_all, text
from trainer.intake.upload import Document, Upload


class CreateMl(AnnotationTool):
    name = "Create ML"
    seen_from = "Roboflow (`_annotations.createml.json`, as its SDK 1.7.3 reads it), Create ML (the documented form)"
    reads = "boxes are refused unless every image shows one class; a label without coordinates is the image's class"
    boxes_only = True

    def files(self, upload: Upload) -> list[AnnotationFile]:
        return parse_all(
            json_documents(upload, {"annotations", "annotation", "imagefilename"}, root=b"["),
            lambda document: _parse(document, upload.most_rows),
            upload.most_rows,
        )


def _parse(document: Document, most_rows: int) -> AnnotationFile | None:
    images = [
        each for each in objects(document.json()) if _name(each) and ("annotations" in each or "annotation" in each)
    ]
    if not images:
        return None
    return AnnotationFile(document=document, entries=bounded(map(_entry, images), most_rows))


def _name(image: Mapping[str, Any]) -> str:
    return text(image.get("image")) or text(image.get("imagefilename"))


def _entry(image: Mapping[str, Any]) -> Entry:
    value = image.get("annotations", image.get("annotation"))
    marks = objects(value if isinstance(value, list) else [value])
    words = [value] if isinstance(value, str) else []
    return Entry(
        where=f"image {_name(image)[:100]}",
        files=(_name(image),),
        labels=tuple({*words, *(text(mark.get("label")) for mark in marks if "coordinates" not in mark)} - {""}),
        boxes=tuple({text(mark.get("label")) for mark in marks if "coordinates" in mark} - {""}),
    )
