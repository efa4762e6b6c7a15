"""CVAT for images 1.1: one XML document a task, whose tags are classes of whole images."""

from collections.abc import Iterator

from trainer.intake.layouts.annotations.reading import AnnotationFile, Entry
from trainer.intake.layouts.annotations.tool import AnnotationTool, parse_all
from trainer.intake.layouts.documents.xml import Element, read_xml
from trainer.intake.upload import Document, DocumentUnreadable, Upload

_ROOT = "annotations"
_SHAPES = frozenset({"box", "polygon", "polyline", "points", "ellipse", "cuboid", "mask", "skeleton"})


class Cvat(AnnotationTool):
    name = "CVAT for images"
    seen_from = "Datumaro 1.13.12 (`cvat`), CVAT for images 1.1 (the documented form); CVAT's ImageNet is class folders"
    reads = "the tag of every image, and its subset; boxes and outlines count only where there are no tags"

    def files(self, upload: Upload) -> list[AnnotationFile]:
        documents = (
            document
            for document in upload.documents
            if document.suffix == ".xml" and f"<{_ROOT}".encode() in document.head()
        )
        return parse_all(documents, lambda document: _parse(document, upload.most_rows), upload.most_rows)


def _parse(document: Document, most_rows: int) -> AnnotationFile | None:
    entries: list[Entry] = []
    classes: set[str] = set()
    is_cvat = False
    for element in read_xml(document, _ROOT):
        if element.name == "image" and "name" in element.attributes:
            entries.append(_entry(element))
        elif element.name == "track":
            raise DocumentUnreadable("it is of a video (CVAT for video): export it as CVAT for images")
        elif element.name == "meta":
            classes.update(_declared(element))
        is_cvat = is_cvat or element.name == "version"
        if len(entries) > most_rows:
            raise DocumentUnreadable(f"more than {most_rows} images")
    if not is_cvat:
        return None
    return AnnotationFile(document=document, entries=entries, classes=frozenset(classes))


def _entry(image: Element) -> Entry:
    return Entry(
        where=f"image {image.attributes.get('id', '?')[:50]}",
        files=(image.attributes["name"],),
        labels=_labels(child for child in image.children if child.name == "tag"),
        boxes=_labels(child for child in image.children if child.name in _SHAPES),
        split=image.attributes.get("subset", ""),
    )


def _labels(elements: Iterator[Element]) -> tuple[str, ...]:
    return tuple({name for element in elements if (name := element.attributes.get("label", ""))})


def _declared(meta: Element) -> Iterator[str]:
    """The names of labels, which lie below a task, a project or a job."""
    for owner in meta.children:
        for labels in owner.all("labels"):
            yield from (name for label in labels.all("label") if (name := label.text_of("name")))
