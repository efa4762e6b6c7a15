"""YOLO: a text for each image with a line a box, and the names of the classes in a list."""

import re
from collections.abc import Iterator
from dataclasses import replace
from math import isfinite

from trainer.intake.archives.paths import Parts
from trainer.intake.layouts.annotations.boxes.one_an_image import image_names, read_one_an_image
from trainer.intake.layouts.annotations.reading import AnnotationFile, Entry
from trainer.intake.layouts.annotations.tool import AnnotationTool
from trainer.intake.layouts.image_finder import finder_of
from trainer.intake.layouts.split_words import split_of
from trainer.intake.layouts.tables.text import decode
from trainer.intake.upload import Document, DocumentUnreadable, Upload

_NAMES = ("classes.txt", "_darknet.labels", "obj.names", "coco.names")
_YAML_NAMES = re.compile(r"^names[ \t]*:", re.MULTILINE)
_YAML_ITEM = re.compile(r"^[ \t]*(?:-|\d{1,6}[ \t]*:)[ \t]*(.*)$")
_WORD = re.compile(r"""'([^'\n]*)'|"([^"\n]*)"|([^,\[\]{}\s][^,\[\]{}\n]*)""")
_NAMES_CHARACTERS = 1 << 16


class Yolo(AnnotationTool):
    name = "YOLO"
    seen_from = "Datumaro 1.13.12 (`yolo`, `yolo_ultralytics`), label-studio-sdk 2.1.2 (YOLO); Roboflow (documented)"
    reads = "lines are boxes or outlines, and refused unless every image shows one class; `data.yaml` names it"
    boxes_only = True

    def files(self, upload: Upload) -> list[AnnotationFile]:
        find, names = upload.once(finder_of), dict(enumerate(_names(upload)))
        documents = (
            document
            for document in upload.documents
            if document.suffix == ".txt"
            and document.name not in _NAMES
            and any(find(name, document.folder) for name in image_names(document))
        )
        found = read_one_an_image(documents, lambda document: _parse(document, names), upload.most_rows)
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


def _parse(document: Document, names: dict[int, str]) -> Entry | None:
    """None for a text that is no list of boxes."""
    lines = [line.split() for line in document.read().splitlines()]
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


def _names(upload: Upload) -> list[str]:
    """The names of the classes by their number, from the first document that has any."""
    for document in upload.documents:
        if document.name in _NAMES or document.suffix in {".yaml", ".yml"}:
            try:
                text = decode(document.head(_NAMES_CHARACTERS))[0]
            except DocumentUnreadable:
                continue
            found = _of_yaml(text) if document.suffix in {".yaml", ".yml"} else text.splitlines()
            if found:
                return [name.strip() for name in found]
    return []


def _of_yaml(text: str) -> list[str]:
    """The names in the three ways in which people and tools write them; none for anything else."""
    start = _YAML_NAMES.search(text)
    if start is None:
        return []
    rest = text[start.end() :].lstrip(" \t")
    if rest.startswith(("[", "{")):
        inner = rest[1:].partition("]" if rest[0] == "[" else "}")[0]
        words = ["".join(match.groups("")) for match in _WORD.finditer(inner)]
        return words if rest[0] == "[" else [word.partition(":")[2].strip(" '\"") for word in words]
    return list(_items(rest.partition("\n")[2]))


def _items(block: str) -> Iterator[str]:
    for line in block.splitlines():
        item = _YAML_ITEM.match(line)
        if item is None:
            return
        yield item[1].strip().strip("'\"")
