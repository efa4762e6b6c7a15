"""YOLO: a text for each image with a line a box, and the names of the classes in a list."""

import codecs
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from math import isfinite

from trainer.intake.archives.paths import Parts
from trainer.intake.layouts.annotations.boxes.one_an_image import image_names, read_one_an_image
from trainer.intake.layouts.annotations.reading import AnnotationFile, Entry
from trainer.intake.layouts.annotations.tool import AnnotationTool
from trainer.intake.layouts.image_finder import finder_of
from trainer.intake.layouts.split_words import split_of
from trainer.intake.layouts.tables.text import decode
from trainer.intake.placement import Split
from trainer.intake.upload import Document, DocumentUnreadable, Upload

_NAMES = ("classes.txt", "_darknet.labels", "obj.names", "coco.names")
_YAML_NAMES = re.compile(r"^names[ \t]*:", re.MULTILINE)
_YAML_ITEM = re.compile(r"""^[ \t]*(?:-|(['"]?)(\d{1,6})\1[ \t]*:)(?:[ \t]+(.*))?$""")
_YAML_QUOTED = re.compile(r"""^(['"])(.*?)\1[ \t]*(?:#.*)?$""")
_YAML_COMMENT = re.compile(r"(?:^|[ \t])#")
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
        find, names, splits = upload.once(finder_of), _names(upload), _listed_splits(upload)
        documents = (
            document
            for document in upload.documents
            if document.suffix == ".txt"
            and document.name not in _NAMES
            and any(find(name, document.folder) for name in image_names(document))
        )

        def parse(document: Document) -> Entry | None:
            entry = _parse(document, names)
            images = (find(name, document.folder) for name in image_names(document))
            image = next((image for image in images if image is not None), None)
            return None if entry is None else replace(entry, split=splits.get(image or (), ""))

        found = read_one_an_image(documents, parse, upload.most_rows)
        if not any(entry.boxes for file in found for entry in file.entries):
            return []
        return [replace(file, also=file.also | _beside(upload)) for file in found]


def _beside(upload: Upload) -> frozenset[Parts]:
    """The documents that come with the boxes: names of classes, and lists of the images of each split."""
    return frozenset(
        document.parts
        for document in upload.documents
        if document.name in _NAMES
        or document.suffix in {".yaml", ".yml", ".data"}
        or (document.suffix == ".txt" and split_of(document.name.removesuffix(".txt")) is not None)
    )


def _listed_splits(upload: Upload) -> dict[Parts, Split]:
    """Of the images that `train.txt` and the like name; none of one that lists of several splits do."""
    find, told = upload.once(finder_of), defaultdict[Parts, set[Split]](set)
    for document in upload.documents:
        split = split_of(document.name.removesuffix(".txt")) if document.suffix == ".txt" else None
        if split is not None:
            try:
                lines = decode(document.read())[0].split("\n")
            except DocumentUnreadable:
                continue
            for line in lines:
                image = find(line.strip()[:_LINE_CHARACTERS], document.folder)
                if image is not None:
                    told[image].add(split)
    return {image: next(iter(splits)) for image, splits in told.items() if len(splits) == 1}


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
