"""Edge Impulse's exports: `info.labels`, and images that are named after their class (`cat.2fk1.jpg`)."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from trainer.intake.archives.paths import Parts
from trainer.intake.findings import Finding, shorten
from trainer.intake.layouts.annotations.reading import AnnotationFile, Entry
from trainer.intake.layouts.annotations.tool import AnnotationTool, bounded, objects, parse_all, text
from trainer.intake.layouts.folders.shape import shape_of, splits_by_folder
from trainer.intake.layouts.layout import SHAPE, Reading, Recognition
from trainer.intake.placement import Placement
from trainer.intake.upload import Document, Upload

_ABOVE_FOLDERS = 0.05  # folders of splits without classes, and names that tell them
_MOST = 0.9  # of the training images


class EdgeImpulse(AnnotationTool):
    name = "Edge Impulse"
    seen_from = "Edge Impulse Studio (`info.labels` version 1, as the edgeimpulse SDK 1.0.20 reads it)"
    reads = "the label and category of every file that is enabled; bounding boxes count only without labels"

    def files(self, upload: Upload) -> list[AnnotationFile]:
        documents = (document for document in upload.documents if document.suffix == ".labels")
        return parse_all(documents, lambda document: _parse(document, upload.most_rows), upload.most_rows)


class NamesOfImages:
    name = "classes in the names of images"
    seen_from = "Edge Impulse Studio without `info.labels` (as its SDK 1.0.20 reads it), Kaggle (`train/cat.0.jpg`)"
    reads = "`training/cat.2fk1.jpg`: what comes before the first dot, where only splits have folders; always a warning"

    def recognise(self, upload: Upload) -> Recognition | None:
        names = upload.once(_names)
        if not names:
            return None
        told = ", ".join(shorten(sorted(set(names.values()))))
        why = f"the folders are splits, and the names of the images begin with {told}"
        return Recognition(confidence=SHAPE + _ABOVE_FOLDERS, why=why)

    def read(self, upload: Upload) -> Reading:
        names, splits = upload.once(_names), upload.once(splits_by_folder)
        told = ", ".join(shorten(sorted(set(names.values()))))
        text = (
            f"The classes are taken from the names of the images, up to the first dot: {told}. Sort the images into "
            "class folders, or add a table of labels, if these are not the classes."
        )
        return Reading(
            placements={image: Placement(label=name, split=splits[image]) for image, name in names.items()},
            left_out=[(image, "its name tells no class") for image in upload.images if image not in names],
            findings=[Finding(weight="warning", text=text)],
        )


def _parse(document: Document, most_rows: int) -> AnnotationFile | None:
    content = document.json()
    if not isinstance(content, dict):
        return None
    boxes = content.get("boundingBoxes")
    if isinstance(boxes, dict):
        entries = (Entry(where=name[:100], files=(name,), boxes=_names_of(found)) for name, found in boxes.items())
        return AnnotationFile(document=document, entries=bounded(entries, most_rows))
    files = objects(content.get("files"))
    disabled = [text(file.get("path"))[:200] for file in files if file.get("enabled") is False]
    kept = (_entry(file) for file in files if file.get("enabled") is not False)
    return AnnotationFile(
        document=document, entries=bounded(kept, most_rows), findings=list(_disabled(document, disabled))
    )


def _entry(file: Mapping[str, Any]) -> Entry:
    path, label, category = text(file.get("path")), file.get("label"), text(file.get("category"))
    names: tuple[str, ...] = ()
    if isinstance(label, dict):
        names = _names_of(label["labels"]) if isinstance(label.get("labels"), list) else (text(label.get("label")),)
    return Entry(
        where=f"file {path[:100]}",
        files=(path, text(file.get("name"))),
        labels=tuple(filter(None, names)),
        boxes=_names_of(file.get("boundingBoxes")),
        split="" if category == "split" else category,
    )


def _names_of(marks: Any) -> tuple[str, ...]:
    return tuple({name for mark in objects(marks) if (name := text(mark.get("label")))})


def _disabled(document: Document, paths: list[str]) -> Iterator[Finding]:
    if paths:
        told = f"{document.path}: {len(paths)} files are disabled there and are left out"
        yield Finding(weight="note", text=f"{told}: {', '.join(shorten(paths))}.", files=(document.path,))


def _names(upload: Upload) -> dict[Parts, str]:
    """The class that an image's name begins with; empty unless most training images are of few such classes."""
    if upload.once(shape_of).kind != "bare splits":
        return {}
    splits = upload.once(splits_by_folder)
    names = {image: image[-1].partition(".")[0] for image in splits if image[-1].count(".") > 1}
    counts = Counter(names[image] for image in names if splits[image] == "train")
    training = sum(split == "train" for split in splits.values())
    known = {name for name, count in counts.items() if name and count > 1}
    is_told = len(known) > 1 and sum(counts[name] for name in known) >= _MOST * training
    return {image: name for image, name in names.items() if name in known} if is_told else {}
