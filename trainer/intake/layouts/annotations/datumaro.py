"""Datumaro's own JSON, which CVAT exports as well: one document a subset."""

from collections.abc import Iterator, Mapping
from typing import Any

from trainer.intake.findings import Finding, shorten
from trainer.intake.layouts.annotations.reading import AnnotationFile, Entry
from trainer.intake.layouts.annotations.tool import AnnotationTool, bounded, json_documents, objects, parse_all, text
from trainer.intake.upload import Document, Upload

_KEYS = {"dm_format_version", "media_type", "infos", "info", "categories", "items"}


class Datumaro(AnnotationTool):
    name = "Datumaro JSON"
    seen_from = "Datumaro 1.13.12 (`datumaro`), CVAT (Datumaro 1.0)"
    reads = "the label of every item; the name of the document is its split; boxes and masks count only without labels"

    def files(self, upload: Upload) -> list[AnnotationFile]:
        return parse_all(
            json_documents(upload, _KEYS), lambda document: _parse(document, upload.most_rows), upload.most_rows
        )


def _parse(document: Document, most_rows: int) -> AnnotationFile | None:
    content = document.json()
    categories, items = content.get("categories"), objects(content.get("items"))
    declared = categories.get("label") if isinstance(categories, dict) else None
    if not items or not isinstance(declared, dict):
        return None
    names = [text(each.get("name")) for each in objects(declared.get("labels"))]
    return AnnotationFile(
        document=document,
        entries=bounded((_entry(item, names) for item in items), most_rows),
        classes=frozenset(names),
        findings=list(_undeclared(document, items, len(names))),
    )


def _entry(item: Mapping[str, Any], names: list[str]) -> Entry:
    image, number = item.get("image"), text(item.get("id"))
    path = text(image.get("path")) if isinstance(image, dict) else ""
    marks = [(text(each.get("type")) == "label", _index(each)) for each in objects(item.get("annotations"))]
    known = [(is_whole, names[index]) for is_whole, index in marks if 0 <= index < len(names)]
    return Entry(
        where=f"item {number[:100]}",
        files=tuple(filter(None, (path, number))) or ("",),
        labels=tuple({name for is_whole, name in known if is_whole}),
        boxes=tuple({name for is_whole, name in known if not is_whole}),
    )


def _index(annotation: Mapping[str, Any]) -> int:
    """The place of its label in the list of names; -1 for an annotation without one, such as a caption."""
    index = annotation.get("label_id")
    return index if isinstance(index, int) else -1


def _undeclared(document: Document, items: list[Mapping[str, Any]], names: int) -> Iterator[Finding]:
    wrong = [
        f"item {text(item.get('id'))[:100]}"
        for item in items
        if any(_index(each) >= names for each in objects(item.get("annotations")))
    ]
    if wrong:
        told = f"{len(wrong)} of {len(items)} items have a label that is not declared"
        sentence = f"{document.path}: {told}: {', '.join(shorten(wrong))}. Export the annotations again."
        yield Finding(weight="warning", text=sentence, files=(document.path,))
