"""Azure's lists of images: JSON Lines of Machine Learning, and what the API of Custom Vision returns."""

from collections.abc import Iterator, Mapping
from typing import Any

from trainer.intake.layouts.annotations.reading import AnnotationFile, Entry
from trainer.intake.layouts.annotations.tool import AnnotationTool, bounded, json_documents, objects, parse_all, text
from trainer.intake.layouts.documents.json_lines import read_json_lines
from trainer.intake.upload import Document, Upload

_LINES = (".jsonl", ".ndjson", ".json")
_URIS = ("originalImageUri", "resizedImageUri", "imageUri")


class AzureMachineLearning(AnnotationTool):
    name = "Azure Machine Learning JSON Lines"
    seen_from = "Azure Machine Learning (AutoML for images, data labelling; the documented form)"
    reads = "the label of every `image_url`; lists of labels count where they hold one; boxes count only without labels"

    def files(self, upload: Upload) -> list[AnnotationFile]:
        documents = (each for each in upload.documents if each.suffix in _LINES and b'"image_url"' in each.head())
        return parse_all(documents, lambda document: _parse_lines(document, upload.most_rows), upload.most_rows)


class CustomVision(AnnotationTool):
    name = "Azure Custom Vision"
    seen_from = "Azure Custom Vision (images as its training API lists them; the documented form)"
    reads = "the one tag of every image, which is found by its id or by its address; regions count only without tags"

    def files(self, upload: Upload) -> list[AnnotationFile]:
        documents = json_documents(upload, {"tagName", *_URIS}, root=b"[")
        return parse_all(documents, lambda document: _parse_list(document, upload.most_rows), upload.most_rows)


def _parse_lines(document: Document, most_rows: int) -> AnnotationFile | None:
    entries = bounded(_of_lines(document), most_rows)
    return AnnotationFile(document=document, entries=entries) if entries else None


def _of_lines(document: Document) -> Iterator[Entry]:
    """Raises DocumentUnreadable."""
    for where, line in read_json_lines(document):
        if isinstance(line, dict) and "image_url" in line:
            label = line.get("label")
            values = label if isinstance(label, list) else [label]
            yield Entry(
                where=where,
                files=(text(line["image_url"]),),
                labels=tuple({name for each in values if (name := text(each))}),
                boxes=tuple({name for each in objects(values) if (name := text(each.get("label")))}),
            )


def _parse_list(document: Document, most_rows: int) -> AnnotationFile | None:
    images = [each for each in objects(document.json()) if isinstance(each.get("tags"), list)]
    entries = bounded(map(_of_image, images), most_rows)
    return AnnotationFile(document=document, entries=entries) if entries else None


def _of_image(image: Mapping[str, Any]) -> Entry:
    number, regions = text(image.get("id")), objects(image.get("regions"))
    names = tuple({name for tag in objects(image["tags"]) if (name := text(tag.get("tagName")))})
    paths = [text(image.get(key)).partition("?")[0] for key in _URIS]
    return Entry(
        where=f"image {number[:50]}",
        files=tuple(filter(None, (number, *paths))) or ("",),
        labels=() if regions else names,
        boxes=tuple({name for region in regions if (name := text(region.get("tagName")))}),
    )
