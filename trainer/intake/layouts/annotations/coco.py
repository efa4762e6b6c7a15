"""COCO JSON: images, categories, and annotations that join them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trainer.intake.findings import Finding, shorten
from trainer.intake.layouts.annotations.reading import AnnotationFile, Entry
from trainer.intake.layouts.annotations.tool import AnnotationTool, bounded, json_documents, objects, parse_all, text
from trainer.intake.upload import Document, Upload

_KEYS = {"images", "annotations", "categories", "info", "licenses"}
_SHAPES = ("bbox", "segmentation", "keypoints")  # what makes an annotation one of a part of the image
_GROUPS = ("seq_id", "video_id")  # of COCO for camera traps, and for videos

Marks = tuple[set[str], set[str]]  # classes of the whole image, and of boxes


class Coco(AnnotationTool):
    name = "COCO JSON"
    seen_from = "Datumaro 1.13.12 (`coco`); Roboflow, iNaturalist, LILA camera traps (the documented forms)"
    reads = (
        "the category of an image's annotations, where it is one; images of several or none are left out and said; "
        "boxes and outlines count only where there are no annotations without"
    )

    def files(self, upload: Upload) -> list[AnnotationFile]:
        return parse_all(
            json_documents(upload, _KEYS), lambda document: _parse(document, upload.most_rows), upload.most_rows
        )


def _parse(document: Document, most_rows: int) -> AnnotationFile | None:
    content = document.json()
    images = objects(content.get("images"))
    if not images or not all("id" in image and "file_name" in image for image in images):
        return None
    categories, annotations = objects(content.get("categories")), objects(content.get("annotations"))
    names = {_id(each.get("id")): text(each.get("name")) for each in categories}
    marks = _marks(annotations, names)
    roots = {text(each.get("supercategory")) for each in categories}
    return AnnotationFile(
        document=document,
        entries=bounded(_entries(images, marks), most_rows),
        classes=frozenset(names.values()) - roots,
        findings=[*_contradictions(document, images, categories), *_strays(document, images, annotations, names)],
    )


def _marks(annotations: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> Mapping[str, Marks]:
    """The classes of every image, by its id."""
    result: dict[str, Marks] = defaultdict(lambda: (set(), set()))
    for annotation in annotations:
        labels, boxes = result[_id(annotation.get("image_id"))]
        found = {names.get(_id(annotation.get("category_id")), "")} - {""}
        (boxes if any(annotation.get(shape) for shape in _SHAPES) else labels).update(found)
        segments = objects(annotation.get("segments_info"))  # of a panoptic mask
        boxes.update({names.get(_id(each.get("category_id")), "") for each in segments} - {""})
    return result


def _entries(images: Sequence[Mapping[str, Any]], marks: Mapping[str, Marks]) -> Iterator[Entry]:
    nothing: Marks = (set(), set())
    repeated = _repeated(images)
    for image in images:
        number = _id(image["id"])
        labels, boxes = nothing if number in repeated else marks.get(number, nothing)
        yield Entry(
            where=f"image {number[:50]}",
            files=(text(image["file_name"]),),
            labels=tuple(labels),
            boxes=tuple(boxes),
            group=next(filter(None, (text(image.get(key)) for key in _GROUPS)), ""),
        )


def _repeated(objects: Sequence[Mapping[str, Any]]) -> set[str]:
    """Ids that stand for several things."""
    seen: set[str] = set()
    repeated: set[str] = set()
    for each in objects:
        number = _id(each.get("id"))
        (repeated if number in seen else seen).add(number)
    return repeated


def _contradictions(
    document: Document, images: Sequence[Mapping[str, Any]], categories: Sequence[Mapping[str, Any]]
) -> Iterator[Finding]:
    repeated = sorted(_repeated(categories))
    if repeated:
        ids = ", ".join(shorten(repeated))
        text = f"{document.path}: several categories have the same id: {ids}. Export the annotations again."
        yield Finding(weight="error", text=text, files=(document.path,))
    repeated = sorted(_repeated(images))
    if repeated:
        ids = ", ".join(shorten(repeated))
        text = f"{document.path}: several images have the same id, and are left out: {ids}. Give them ids of their own."
        yield Finding(weight="warning", text=text, files=(document.path,))


def _strays(
    document: Document,
    images: Sequence[Mapping[str, Any]],
    annotations: Sequence[Mapping[str, Any]],
    names: Mapping[str, str],
) -> Iterator[Finding]:
    """Annotations that refer to what is not there."""
    known = {_id(image["id"]) for image in images}
    lost = {
        "images": [_id(each.get("id")) for each in annotations if _id(each.get("image_id")) not in known],
        "categories": [
            _id(each.get("id"))
            for each in annotations
            if "category_id" in each and _id(each["category_id"]) not in names
        ],
    }
    for what, ids in lost.items():
        if ids:
            told = f"{len(ids)} of {len(annotations)} annotations are of {what} that it does not list"
            sentence = f"{document.path}: {told}, and are left out: {', '.join(shorten(ids))}."
            yield Finding(weight="warning", text=sentence, files=(document.path,))


def _id(value: object) -> str:
    """As `text`, but for numbers with a fraction of 0: pandas writes those of a column with gaps as 1.0."""
    return text(int(value) if isinstance(value, float) and value.is_integer() else value)
