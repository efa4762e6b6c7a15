"""YOLO: a text for each image with a line a box, and the names of the classes in a list."""

import codecs
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import isfinite

from trainer.intake.archives.paths import Parts
from trainer.intake.findings import Finding, paths_of
from trainer.intake.layouts.annotations.boxes.one_an_image import image_names, read_one_an_image
from trainer.intake.layouts.annotations.reading import AnnotationFile, Entry
from trainer.intake.layouts.annotations.tool import AnnotationTool
from trainer.intake.layouts.image_finder import ImageFinder, finder_of
from trainer.intake.layouts.split_words import split_of
from trainer.intake.layouts.tables.text import decode
from trainer.intake.placement import Split
from trainer.intake.upload import Document, DocumentUnreadable, Upload

_NAMES = ("classes.txt", "_darknet.labels", "obj.names", "coco.names")
_YAML_NAMES = re.compile(r"^names[ \t]*:", re.MULTILINE)
_YAML_ITEM = re.compile(r"""^[ \t]*(?:-|(['"]?)(\d{1,6})\1[ \t]*:)(?:[ \t]+(.*))?$""")
_YAML_QUOTED = re.compile(r"""^(['"])(.*?)\1[ \t]*(?:#.*)?$""")
_YAML_COMMENT = re.compile(r"(?:^|[ \t])#")
_FLOW_COMMENT = re.compile(r"""('[^'\n]*'|"[^"\n]*")|(?<!\S)#[^\n]*""")
_WORD = re.compile(r"""'([^'\n]*)'|"([^"\n]*)"|([^,\[\]{}\s][^,\[\]{}\n]*)""")
_NAMES_CHARACTERS = 1 << 16
_LINE_CHARACTERS = 4096


class Yolo(AnnotationTool):
    name = "YOLO"
    seen_from = "Datumaro 1.13.12 (`yolo`, `yolo_ultralytics`), label-studio-sdk 2.1.2 (YOLO); Roboflow (documented)"
    reads = (
        "lines are boxes or outlines, and refused unless every image shows one class; `data.yaml` names it, lists such "
        "as `train.txt` tell the splits"
    )
    boxes_only = True

    def files(self, upload: Upload) -> list[AnnotationFile]:
        find, names = upload.once(finder_of), _names(upload)
        documents = (
            document
            for document in upload.documents
            if document.suffix == ".txt"
            and document.name not in _NAMES
            and _image(image_names(document), document, find)
        )
        found = read_one_an_image(documents, lambda document: _parse(document, names), upload.most_rows)
        if not any(entry.boxes for file in found for entry in file.entries):
            return []
        told, also = _listed_splits(upload, find), _beside(upload)
        splits = {image: next(iter(splits)) for image, splits in told.items() if len(splits) == 1}
        found = [replace(file, entries=list(_with_splits(file, splits, find)), also=file.also | also) for file in found]
        torn = sorted(told.keys() - splits.keys())
        return [replace(found[0], findings=[*found[0].findings, *_in_several_lists(torn)]), *found[1:]]


def _image(names: Iterable[str], document: Document, find: ImageFinder) -> Parts | None:
    images = (find(name, document.folder) for name in names)
    return next((image for image in images if image is not None), None)


def _beside(upload: Upload) -> frozenset[Parts]:
    """The documents that come with the boxes: names of classes, and lists of the images of each split."""
    return frozenset(
        document.parts
        for document in upload.documents
        if document.name in _NAMES
        or document.suffix in {".yaml", ".yml", ".data"}
        or (document.suffix == ".txt" and split_of(document.name.removesuffix(".txt")) is not None)
    )


def _with_splits(file: AnnotationFile, splits: Mapping[Parts, Split], find: ImageFinder) -> Iterator[Entry]:
    for entry in file.entries:
        image = _image(entry.files, file.document, find)
        yield replace(entry, split=splits.get(image or (), ""))


def _in_several_lists(images: Sequence[Parts]) -> list[Finding]:
    if not images:
        return []
    text = (
        f"{len(images)} images are in the lists of several splits, such as {'/'.join(images[0])}, and are of none. "
        "Correct the lists."
    )
    return [Finding(weight="warning", text=text, files=paths_of(images))]


def _listed_splits(upload: Upload, find: ImageFinder) -> dict[Parts, set[Split]]:
    """Of the images that `train.txt` and the like name: the splits whose lists do."""
    told: dict[Parts, set[Split]] = defaultdict(set)
    for document in upload.documents:
        split = split_of(document.name.removesuffix(".txt")) if document.suffix == ".txt" else None
        if split is None or _image(image_names(document), document, find):
            continue  # the latter is about the boxes of an image that is called so
        try:
            lines = decode(document.read())[0].split("\n")
        except DocumentUnreadable:
            continue
        for line in lines:
            image = find(line.strip()[:_LINE_CHARACTERS], document.folder)
            if image is not None:
                told[image].add(split)
    return told


def _parse(document: Document, names: Mapping[int, str]) -> Entry | None:
    """None for a text that is no list of boxes."""
    lines = [line.split() for line in document.read().removeprefix(codecs.BOM_UTF8).splitlines()]
    if not all(map(_is_box, filter(None, lines))):
        return None
    numbers = {int(line[0]) for line in lines if line}
    return Entry(
        where=document.parts[-1],
        files=image_names(document),
        boxes=tuple(names.get(number, f"class {number}") for number in sorted(numbers)),
    )


def _is_box(words: list[bytes]) -> bool:
    """The number of a class, and four numbers or more for a box or an outline."""
    if len(words) < 5 or not words[0].isdigit() or len(words[0]) > 6:
        return False
    try:
        return all(isfinite(float(word)) for word in words[1:])
    except ValueError:
        return False


def _names(upload: Upload) -> dict[int, str]:
    """The names of the classes by their number, from the first document that has any."""
    for document in upload.documents:
        if document.name in _NAMES or document.suffix in {".yaml", ".yml"}:
            try:
                text = decode(document.head(_NAMES_CHARACTERS))[0]
            except DocumentUnreadable:
                continue
            is_yaml = document.suffix in {".yaml", ".yml"}
            found = _of_yaml(text) if is_yaml else dict(enumerate(map(str.strip, text.splitlines())))
            if found:
                return {number: name for number, name in found.items() if name}
    return {}


def _of_yaml(text: str) -> dict[int, str]:
    """The names in the three ways in which people and tools write them; none for anything else."""
    start = _YAML_NAMES.search(text)
    if start is None:
        return {}
    rest = text[start.end() :].lstrip(" \t")
    if rest.startswith(("[", "{")):
        rest = _FLOW_COMMENT.sub(lambda match: match[1] or "", rest)
    if rest.startswith("["):
        words = _WORD.finditer(rest[1:].partition("]")[0])
        return dict(enumerate("".join(match.groups("")).strip() for match in words))
    if rest.startswith("{"):
        return dict(_items(rest[1:].partition("}")[0].replace("\n", " ").split(",")))
    return dict(_items(rest.partition("\n")[2].splitlines()))


def _items(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Those of a list have the number of their place, the others their own, which need not begin with 0."""
    place = 0
    for line in lines:
        if not _YAML_COMMENT.split(line, 1)[0].strip():
            continue
        item = _YAML_ITEM.match(line)
        if item is None:
            return
        yield (place if item[2] is None else int(item[2])), _scalar((item[3] or "").strip())
        place += 1


def _scalar(text: str) -> str:
    """A word without its quotes, or without the comment behind it."""
    quoted = _YAML_QUOTED.match(text)
    if quoted is None:
        return _YAML_COMMENT.split(text, 1)[0].strip()
    return quoted[2].replace("''", "'") if quoted[1] == "'" else quoted[2]
