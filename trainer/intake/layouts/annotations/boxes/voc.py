"""Pascal VOC: an XML document with objects for each image, and lists of the images that show a class."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from trainer.intake.archives.paths import Parts
from trainer.intake.layouts.annotations.boxes.one_an_image import image_names, read_one_an_image
from trainer.intake.layouts.annotations.reading import AnnotationFile, Entry
from trainer.intake.layouts.annotations.tool import AnnotationTool
from trainer.intake.layouts.documents.xml import read_xml
from trainer.intake.layouts.split_words import split_of
from trainer.intake.layouts.tables.text import decode
from trainer.intake.upload import Document, DocumentUnreadable, Upload

_ROOT = "annotation"
_START = re.compile(rb"<annotation[\s>]")  # LabelImg writes an attribute into it
_LISTS = ("imagesets", "main")  # the folder of the lists, in lower case
_LINE_CHARACTERS = 4096


class Voc(AnnotationTool):
    name = "Pascal VOC"
    seen_from = "Datumaro 1.13.12 (`voc`, `label_me`); LabelImg and Roboflow (the documented form)"
    reads = "objects are boxes, and refused unless every image shows one class"
    boxes_only = True

    def files(self, upload: Upload) -> list[AnnotationFile]:
        documents = (
            document for document in upload.documents if document.suffix == ".xml" and _START.search(document.head())
        )
        lists = _lists(upload)
        splits = _splits(lists)
        found = read_one_an_image(documents, lambda document: _parse(document, splits), upload.most_rows)
        return [replace(file, also=file.also | {each.parts for each in lists}) for file in found]


class VocLists(AnnotationTool):
    name = "Pascal VOC lists"
    seen_from = "Datumaro 1.13.12 (`voc_classification`)"
    reads = "`ImageSets/Main/cat_train.txt`: the images with 1 are of the class; an image of several is left out"

    def files(self, upload: Upload) -> list[AnnotationFile]:
        lists: dict[str, dict[str, Document]] = defaultdict(dict)  # by the split, and by the class
        found = _lists(upload)
        for document in found:
            name, _, split = document.parts[-1].removesuffix(".txt").rpartition("_")
            if name:
                lists[split][name] = document
        also = frozenset(document.parts for document in found)
        return [file for split, each in lists.items() for file in _of_split(split, each, also, upload.most_rows)]


def _lists(upload: Upload) -> list[Document]:
    return [
        document
        for document in upload.documents
        if document.suffix == ".txt" and tuple(map(str.lower, document.folder[-2:])) == _LISTS
    ]


def _splits(lists: Iterable[Document]) -> dict[str, str]:
    """By the name of an image, without its suffix: the split whose list it is in."""
    splits: dict[str, str] = {}
    for document in lists:
        name = document.name.removesuffix(".txt")
        if "_" not in name and split_of(name) is not None:
            splits |= dict.fromkeys((line.strip() for line in _text(document).splitlines()), name)
    return splits


def _parse(document: Document, splits: Mapping[str, str]) -> Entry | None:
    names: set[str] = set()
    file = ""
    for element in read_xml(document, _ROOT):
        if element.name == "object":
            names.add(element.text_of("name"))
        elif element.name == "filename":
            file = element.text.strip()
    names_of_image = tuple(filter(None, (*image_names(document), file)))
    split = splits.get(document.parts[-1].rpartition(".")[0], "")
    return Entry(where=document.parts[-1], files=names_of_image, boxes=tuple(names - {""}), split=split)


def _of_split(
    split: str, documents: Mapping[str, Document], also: frozenset[Parts], most_rows: int
) -> Iterator[AnnotationFile]:
    classes: dict[str, set[str]] = {}
    for name, document in documents.items():
        for image, is_shown in _marked(document):
            found = classes.setdefault(image, set())
            if is_shown:
                found.add(name)
    first = next(iter(documents.values()))
    several = Document(parts=(*first.folder, f"*_{split}.txt"), size_bytes=0, offset=0, spool=first.spool)
    entries = [Entry(where=image, files=(image,), labels=tuple(found), split=split) for image, found in classes.items()]
    if entries and len(entries) <= most_rows:
        yield AnnotationFile(
            document=several,
            entries=entries,
            classes=frozenset(documents) - {"background"},
            also=also,
        )


def _marked(document: Document) -> Iterator[tuple[str, bool]]:
    """Images, and whether they show the class: 1 for yes, 0 for hardly, -1 for no."""
    for line in _text(document).splitlines():
        image, _, mark = line[:_LINE_CHARACTERS].rstrip().rpartition(" ")
        if mark in {"1", "0", "-1"} and image.strip():
            yield image.strip(), mark == "1"


def _text(document: Document) -> str:
    """ "" for what is no text."""
    try:
        return decode(document.read())[0]
    except DocumentUnreadable:
        return ""
