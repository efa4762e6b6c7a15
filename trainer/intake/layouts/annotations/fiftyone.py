"""FiftyOne's exports: `labels.json` beside `data/`, and whole data sets in `samples.json`."""

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
    text,
)
from trainer.intake.layouts.split_words import split_of
from trainer.intake.upload import Document, Upload

_LISTS = ("classifications", "detections", "polylines", "keypoints")


class FiftyOne(AnnotationTool):
    name = "FiftyOne"
    seen_from = "FiftyOne 1.22.1 (`FiftyOneImageClassificationDataset`, `FiftyOneDataset`); trees are class folders"
    reads = "the one label of every image, and tags that are splits; detections count only without classifications"

    def files(self, upload: Upload) -> list[AnnotationFile]:
        return [
            *parse_all(
                json_documents(upload, {"classes", "labels"}),
                lambda document: _parse_labels(document, upload.most_rows),
                upload.most_rows,
            ),
            *parse_all(
                json_documents(upload, {"samples"}),
                lambda document: _parse_samples(document, upload.most_rows),
                upload.most_rows,
            ),
        ]


def _parse_labels(document: Document, most_rows: int) -> AnnotationFile | None:
    content = document.json()
    labels, classes = content.get("labels"), content.get("classes")
    if not isinstance(labels, dict) or content.keys() - {"classes", "labels"}:
        return None
    names = [text(name) for name in classes] if isinstance(classes, list) else []
    entries = (_entry(key, value, names) for key, value in labels.items())
    return AnnotationFile(document=document, entries=bounded(entries, most_rows), classes=frozenset(names))


def _entry(key: str, value: Any, names: Sequence[str]) -> Entry:
    labels: set[str] = set()
    boxes: set[str] = set()
    for each in value if isinstance(value, list) else [value]:
        is_box = isinstance(each, dict) and ("bounding_box" in each or "points" in each)
        name = each.get("label") if isinstance(each, dict) else each
        if isinstance(name, int) and not isinstance(name, bool) and names:
            name = names[name] if 0 <= name < len(names) else None
        (boxes if is_box else labels).add(text(name))
    return Entry(
        where=f"label of {key[:100]}",
        files=(f"data/{key}", key),
        labels=tuple(labels - {""}),
        boxes=tuple(boxes - {""}),
    )


def _parse_samples(document: Document, most_rows: int) -> AnnotationFile | None:
    samples = objects(document.json().get("samples"))
    if not samples or not all("filepath" in sample for sample in samples):
        return None
    fields = {name for sample in samples for name, _, is_whole in _fields(sample) if is_whole}
    field, findings = pick(document, "fields", fields)
    entries = (_entry_of_sample(sample, field) for sample in samples)
    return AnnotationFile(document=document, entries=bounded(entries, most_rows), findings=findings)


def _fields(sample: Mapping[str, Any]) -> Iterator[tuple[str, list[str], bool]]:
    """Name, labels, and whether they are of the whole image, of every field that has any."""
    for name, value in sample.items():
        if isinstance(value, dict) and "_cls" in value:
            lists = [value[key] for key in _LISTS if key in value]
            found = [each for part in lists for each in objects(part)] if lists else [value]
            labels = [label for each in found if (label := text(each.get("label")))]
            yield name, labels, text(value["_cls"]).startswith("Classification") and bool(labels)


def _entry_of_sample(sample: Mapping[str, Any], field: str | None) -> Entry:
    path, tags = text(sample["filepath"]), sample.get("tags")
    fields = list(_fields(sample))
    splits = [tag for tag in tags if isinstance(tag, str) and split_of(tag)] if isinstance(tags, list) else []
    return Entry(
        where=f"sample {path[:100]}",
        files=(path,),
        labels=tuple({label for name, labels, is_whole in fields if is_whole and name == field for label in labels}),
        boxes=tuple({label for _, labels, is_whole in fields if not is_whole for label in labels}),
        split=splits[0] if len(splits) == 1 else "",
    )
