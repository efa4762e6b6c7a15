"""What the exports of all annotation tools have in common: entries that say which classes an image is of.

To add a format, derive from `AnnotationTool`, turn its documents into `Entry`s, and name it in `registry.LAYOUTS`.
"""

import codecs
import re
from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from trainer.intake.findings import Finding, shorten
from trainer.intake.layouts.annotations.reading import AnnotationFile, Annotations, Entry, locate, read_annotations
from trainer.intake.layouts.folders.shape import placements_by_folder
from trainer.intake.layouts.layout import CERTAIN, SHAPE, Reading, Recognition
from trainer.intake.upload import Document, DocumentUnreadable, Upload

_PARTIAL = SHAPE + 0.1  # it names fewer than half of the images, and the folders tell no classes at all
_BESIDE_FOLDERS = 0.3  # the same beside class folders, which say more
_FOREIGN = 0.05  # it names none of the images: of use only to say so
_MOST_BYTES = 256 * 1024**2  # of all documents of a format together
_NAMES = frozenset({"label", "class", "category", "choice", "classification", "ground_truth", "labels", "classes"})
_KEY = re.compile(rb'"([^"\\]{1,40})"\s*:')

Parse = Callable[[Document], AnnotationFile | None]


class AnnotationTool(ABC):
    name: str
    seen_from: str
    reads: str
    # Whether boxes and outlines are refused as soon as one image has those of two classes.
    boxes_only = False

    @abstractmethod
    def files(self, upload: Upload) -> list[AnnotationFile]:
        """The documents of this format, and what they say. Empty where there are none."""

    def recognise(self, upload: Upload) -> Recognition | None:
        annotations = upload.once(self.annotations)
        if not annotations.entries:
            return None
        paths = sorted(file.document.path for file in annotations.files if file.entries)
        why = f"{', '.join(shorten(paths))} {'is' if len(paths) == 1 else 'are'} of this format"
        named = len(annotations.images)
        if not named:
            return Recognition(confidence=_FOREIGN, why=f"{why}, though without classes for these images")
        why = f"{why}, with classes for {named} of {len(upload.images)} images"
        if 2 * named >= len(upload.images):
            return Recognition(confidence=CERTAIN, why=why)
        folders = {place.label for place in upload.once(placements_by_folder).values()}
        return Recognition(confidence=_BESIDE_FOLDERS if len(folders) > 1 else _PARTIAL, why=why)

    def read(self, upload: Upload) -> Reading:
        return read_annotations(upload, upload.once(self.annotations), refuse_mixed_boxes=self.boxes_only)

    def annotations(self, upload: Upload) -> Annotations:
        return locate(upload, self.files(upload))

    def unused(self, upload: Upload) -> Iterator[tuple[AnnotationFile, str]]:
        """Of an upload that was read as something else: the documents that were meant for its images, and what is
        wrong with them."""
        annotations = upload.once(self.annotations)
        counts = Counter(id(each.file) for each in annotations.entries if each.image in annotations.images)
        for file in annotations.files:
            if file.fault:
                yield file, file.fault
            elif counts[id(file)]:
                yield file, f"it names {counts[id(file)]} of {len(upload.images)} images"

    def silent(self, upload: Upload) -> Iterator[tuple[AnnotationFile, str]]:
        """The documents of this format that say no class of the upload's images, and in which way."""
        annotations = upload.once(self.annotations)
        named = {id(each.file) for each in annotations.entries if each.image is not None}
        labelled = {id(each.file) for each in annotations.entries if each.image in annotations.images}
        for file in annotations.files:
            if file.entries and id(file) not in labelled:
                what = "says no class of any image" if id(file) in named else "names none of the images"
                yield file, f"of the format {self.name}, and {what}"


def parse_all(documents: Iterable[Document], parse: Parse, most_rows: int) -> list[AnnotationFile]:
    """What ``parse`` makes of the documents; None where it is of another format. One that cannot be read is kept with
    the reason."""
    files: list[AnnotationFile] = []
    left_bytes, left_rows = _MOST_BYTES, most_rows
    for document in documents:
        left_bytes -= document.size_bytes
        try:
            if left_bytes < 0 or left_rows < 0:
                raise DocumentUnreadable("there is more of the kind than the images of an upload need")
            file = parse(document)
        except DocumentUnreadable as fault:
            file = AnnotationFile(document=document, fault=str(fault))
        if file is not None:
            left_rows -= len(file.entries)
            files.append(file)
    return files


def json_documents(upload: Upload, keys: set[str], *, root: bytes = b"{") -> Iterator[Document]:
    """The JSON documents that begin with an object (or a list, ``root``) and name one of the keys early."""
    for document in upload.documents:
        if document.suffix == ".json":
            head = _utf8(document.head()).removeprefix(codecs.BOM_UTF8).lstrip()
            if head.startswith(root) and keys & {key.decode("utf-8", "replace") for key in _KEY.findall(head)}:
                yield document


def _utf8(head: bytes) -> bytes:
    """The beginning of a document that is UTF-16, as PowerShell writes it, in UTF-8."""
    marked = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return head.decode("utf-16", "replace").encode() if marked else head


def bounded(entries: Iterable[Entry], most_rows: int) -> list[Entry]:
    """Raises DocumentUnreadable."""
    result: list[Entry] = []
    for entry in entries:
        if len(result) >= most_rows:
            raise DocumentUnreadable(f"more than {most_rows} entries")
        result.append(entry)
    return result


def objects(value: object) -> list[Mapping[str, Any]]:
    """The objects of a JSON list; none where it is no list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def sorting_answers(answers: Iterable[Mapping[str, Iterable[str]]]) -> list[str]:
    """The questions, or fields, whose answers sort the images into classes: words that come again, unlike captions."""
    values: dict[str, Counter[str]] = defaultdict(Counter)
    for each in answers:
        for question, words in each.items():
            values[question].update(words)
    return [question for question, words in values.items() if 0 < len(words) <= max(2, words.total() // 2)]


def pick(document: Document, what: str, names: Collection[str]) -> tuple[str | None, list[Finding]]:
    """The one of several things asked of each image that tells the class, if that can be told by its name."""
    if len(names) < 2:
        return next(iter(names), None), []
    told = ", ".join(shorten(sorted(names)))
    known = [name for name in names if name.casefold() in _NAMES]
    if len(known) == 1:
        sentence = f"{document.path}: of the {what} {told}, {known[0]} is taken as the class. Take the others out."
        return known[0], [Finding(weight="warning", text=sentence, files=(document.path,))]
    sentence = f"{document.path}: any of the {what} {told} may be the class. Export the one that is, or call it label."
    return None, [Finding(weight="error", text=sentence, files=(document.path,))]


def text(value: object) -> str:
    """A value of JSON as text: numbers are names of classes, too; everything else is none."""
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
