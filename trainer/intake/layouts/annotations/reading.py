"""From the entries of annotation files to the class of every image, never by a guess.

Classes of whole images come first. Where there are only classes of boxes and outlines, an image whose boxes are all of
one class is taken as that class, and this is said; an image of several classes is never taken.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from nettailor.normal_form import nfc
from trainer.intake.archives.paths import Parts
from trainer.intake.findings import Finding, paths_of, shorten
from trainer.intake.layouts.folders.shape import placements_by_folder, splits_by_folder
from trainer.intake.layouts.image_finder import ImageFinder, finder_of
from trainer.intake.layouts.layout import Reading
from trainer.intake.layouts.rows import Row, Rows, Said
from trainer.intake.layouts.split_words import split_of
from trainer.intake.layouts.tables.agreement import labels_against_folders, splits_against_folders
from trainer.intake.layouts.unplaced import unplaced_images
from trainer.intake.placement import Placement, Split
from trainer.intake.upload import Document, Upload

_BOXES = "The annotations are boxes or outlines in the images, not classes of whole images"
_FEW = 0.1  # of the images may have boxes of several classes, where that is no reason to refuse all


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What a document says of one image. ``where`` is the place in it: "line 3", "image 12"."""

    where: str
    # the image's path as it is written, and in other words that the tool has for it, the likeliest first
    files: tuple[str, ...]
    # classes of the whole image
    labels: tuple[str, ...] = ()
    # classes of boxes, outlines and masks in it
    boxes: tuple[str, ...] = ()
    # a word for it, or ""
    split: str = ""
    # "" for none
    group: str = ""


@dataclass(frozen=True, kw_only=True)
class AnnotationFile:
    """One document of a tool, as far as it could be read; ``fault`` says why it could not."""

    document: Document
    entries: Sequence[Entry] = ()
    # the names that it declares
    classes: frozenset[str] = frozenset()
    findings: Sequence[Finding] = ()
    # other documents that it cannot be read without
    also: frozenset[Parts] = frozenset()
    fault: str = ""


@dataclass(frozen=True, kw_only=True)
class Named:
    """An entry, and the image of the upload that it is about."""

    file: AnnotationFile
    entry: Entry
    image: Parts | None


@dataclass(frozen=True, kw_only=True)
class Annotations:
    files: Sequence[AnnotationFile]
    entries: Sequence[Named]
    # by the document: the split that its name or its folder tells, where documents tell several
    splits: Mapping[Parts, Split]

    @cached_property
    def images(self) -> set[Parts]:
        """Those that have a class, or more, and those of documents whose classes cannot be told for a known reason."""
        refused = {id(file) for file in self.files if any(finding.weight == "error" for finding in file.findings)}
        return {
            each.image
            for each in self.entries
            if each.image and (each.entry.labels or each.entry.boxes or id(each.file) in refused)
        }


def locate(upload: Upload, files: Sequence[AnnotationFile]) -> Annotations:
    find, by_folder = upload.once(finder_of), upload.once(splits_by_folder)
    splits = _told_splits(files)
    folders: dict[Split, set[str]] = defaultdict(set)
    for image, split in by_folder.items():
        folders[split].update(folder for folder in image[:-1] if split_of(folder) == split)
    entries = []
    for file in files:
        for entry in file.entries:
            told = split_of(entry.split) or splits.get(file.document.parts)
            hints = sorted(folders[told]) if told else []
            entries.append(Named(file=file, entry=entry, image=_image(entry, file.document, find, hints)))
    return Annotations(files=files, entries=entries, splits=splits)


def read_annotations(upload: Upload, annotations: Annotations, *, refuse_mixed_boxes: bool) -> Reading:
    """``refuse_mixed_boxes``: one image with boxes of two classes is enough to refuse all."""
    names, are_whole = _names_of_images(annotations)
    rows = Rows(upload=upload)
    for document, row in _rows(annotations, names):
        rows.take(document, row)
    reading, said = rows.reading(), rows.said()
    placements = _placements(said, upload)
    unplaced = [image for image in upload.images if image not in placements]
    findings = [
        *_of_files(annotations.files),
        *(_of_whole_images(names) if are_whole else _of_boxes(names, upload, refuse_mixed=refuse_mixed_boxes)),
        *reading.findings,
        *labels_against_folders(said, upload.once(placements_by_folder)),
        *splits_against_folders(said, upload.once(splits_by_folder)),
        *unplaced_images([image for image in unplaced if image not in names], upload, "named in no annotation"),
    ]
    return replace(
        reading,
        placements=placements,
        left_out=[
            *((file.document.parts, file.fault) for file in annotations.files if file.fault),
            *reading.left_out,
            *((image, rows.why(image) or _reason(names.get(image))) for image in unplaced),
        ],
        findings=findings,
        classes=frozenset() if any(each.weight == "error" for each in findings) else _declared(annotations.files),
        documents=frozenset(parts for file in annotations.files for parts in (file.document.parts, *file.also)),
    )


def _declared(files: Iterable[AnnotationFile]) -> frozenset[str]:
    return frozenset(_clean(name) for file in files for name in file.classes)


def _image(entry: Entry, document: Document, find: ImageFinder, folders: Iterable[str]) -> Parts | None:
    """The image that an entry means: in one of the ``folders`` of its split, where there are any."""
    for file in entry.files:
        for path in (*(f"{folder}/{file}" for folder in folders), file):
            image = find(path, document.folder)
            if image is not None:
                return image
    return None


def _told_splits(files: Iterable[AnnotationFile]) -> dict[Parts, Split]:
    told = {}
    for file in files:
        stem, folders = file.document.parts[-1].rpartition(".")[0], reversed(file.document.folder)
        splits = (split_of(name) for name in (stem, *folders))
        split = next((split for split in splits if split is not None), None)
        if split is not None:
            told[file.document.parts] = split
    return told if len(set(told.values())) > 1 else {}


def _names_of_images(annotations: Annotations) -> tuple[dict[Parts, list[str]], bool]:
    """The classes of every image that is named, and whether they are those of whole images."""
    labels: dict[Parts, set[str]] = defaultdict(set)
    boxes: dict[Parts, set[str]] = defaultdict(set)
    for named in annotations.entries:
        if named.image is not None:
            labels[named.image].update(map(_clean, named.entry.labels))
            boxes[named.image].update(map(_clean, named.entry.boxes))
    are_whole = any(labels.values())
    return {image: sorted(found) for image, found in (labels if are_whole else boxes).items()}, are_whole


def _rows(annotations: Annotations, names: Mapping[Parts, Sequence[str]]) -> Iterator[tuple[Document, Row]]:
    """The entries as rows, but for those of images of several classes, and those that add nothing to another."""
    for named in annotations.entries:
        entry, document, image = named.entry, named.file.document, named.image
        found = names.get(image, ()) if image is not None else ()
        is_silent = not (entry.labels or entry.boxes) and bool(found)
        if len(found) < 2 and not is_silent:
            yield (
                document,
                Row(
                    where=entry.where,
                    file=entry.files[0] if image is None else "/".join(image),
                    label=found[0] if found else "",
                    split=entry.split or annotations.splits.get(document.parts) or "",
                    group=entry.group,
                ),
            )


def _placements(said: Mapping[Parts, Said], upload: Upload) -> dict[Parts, Placement]:
    by_folder = upload.once(splits_by_folder)
    return {
        image: Placement(label=each.label, split=each.split or by_folder.get(image))
        for image, each in said.items()
        if each.label is not None
    }


def _reason(names: Sequence[str] | None) -> str:
    if names is None:
        return "named in no annotation"
    if len(names) > 1:
        return f"has several classes ({', '.join(shorten(list(names)))})"
    return "has no class" if not names else "what is said of it is contradicted or cannot be used"


def _of_files(files: Iterable[AnnotationFile]) -> Iterator[Finding]:
    for file in files:
        yield from file.findings
        if file.fault:
            text = f"{file.document.path} is not used: {file.fault}."
            yield Finding(weight="warning", text=text, files=(file.document.path,))


def _of_whole_images(names: Mapping[Parts, Sequence[str]]) -> list[Finding]:
    several = _several(names)
    if not several:
        return []
    are_most = 2 * len(several) > len(names)
    mend = "An image can be of one class here" if are_most else "They are left out"
    text = f"{len(several)} of {len(names)} images have several classes: {_shown(several)}. {mend}: keep one of them."
    return [Finding(weight="error" if are_most else "warning", text=text, files=paths_of(several))]


def _of_boxes(names: Mapping[Parts, Sequence[str]], upload: Upload, *, refuse_mixed: bool) -> list[Finding]:
    several, single = _several(names), [image for image, found in names.items() if len(found) == 1]
    folders = upload.once(placements_by_folder)
    if not several and not single:
        text = "The annotations name no class of any image. Export them again once the images are labelled."
        return [Finding(weight="error", text=text)]
    if several and (refuse_mixed or len(several) > _FEW * len(names)):
        return [_refused(several, len(names), has_folders=len({place.label for place in folders.values()}) > 1)]
    if all(image in folders and folders[image].label == names[image][0] for image in single):
        return _left_out(several, len(names))  # the folders say the same of the whole images
    text = f"{_BOXES}. Each image has one box class; the whole image is taken as of that class ({len(single)} images)."
    return [Finding(weight="warning", text=text), *_left_out(several, len(names))]


def _refused(several: Mapping[Parts, Sequence[str]], images: int, *, has_folders: bool) -> Finding:
    mend = "or take the annotations out, if the folders are the classes" if has_folders else "such as class folders"
    text = (
        f"{_BOXES}, and {len(several)} of {images} images show several classes: {_shown(several)}. Cut the boxes out "
        f"and sort them into class folders, or say one class an image, {mend}."
    )
    return Finding(weight="error", text=text, files=paths_of(several))


def _left_out(several: Mapping[Parts, Sequence[str]], images: int) -> list[Finding]:
    if not several:
        return []
    text = f"{len(several)} of {images} images show several classes and are left out: {_shown(several)}."
    return [Finding(weight="warning", text=text, files=paths_of(several))]


def _several(names: Mapping[Parts, Sequence[str]]) -> dict[Parts, Sequence[str]]:
    return {image: found for image, found in sorted(names.items()) if len(found) > 1}


def _shown(several: Mapping[Parts, Sequence[str]]) -> str:
    told = [f"{'/'.join(image)} ({', '.join(shorten(list(found)))})" for image, found in several.items()]
    return ", ".join(shorten(told))


def _clean(name: str) -> str:
    """A name as it can be stored: JSON can say halves of characters, which no file can hold."""
    return nfc(name.encode("utf-8", "replace").decode()).strip()
