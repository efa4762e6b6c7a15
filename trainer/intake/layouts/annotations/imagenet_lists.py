"""Lists in the manner of ImageNet: `synsets.txt` names the classes, `train.txt` and others number each image's."""

from collections.abc import Iterator

from trainer.intake.findings import Finding, shorten
from trainer.intake.layouts.annotations.reading import AnnotationFile, Entry
from trainer.intake.layouts.annotations.tool import AnnotationTool, parse_all
from trainer.intake.layouts.tables.text import decode
from trainer.intake.upload import Document, DocumentUnreadable, Upload

_NAMES = "synsets.txt"
_SAMPLE = 20  # lines


class ImagenetLists(AnnotationTool):
    name = "ImageNet lists"
    seen_from = "Datumaro 1.13.12 (`imagenet_txt`), ImageNet's own `train.txt`"
    reads = "`cats/1.jpg 0` in a list a split, whose name is the split; the numbers are lines of `synsets.txt`, from 0"

    def files(self, upload: Upload) -> list[AnnotationFile]:
        named = {document.folder: document for document in upload.documents if document.name == _NAMES}
        lists = (
            document
            for document in upload.documents
            if document.suffix == ".txt" and document.folder in named and document.name != _NAMES
        )
        return parse_all(
            lists, lambda document: _parse(document, named[document.folder], upload.most_rows), upload.most_rows
        )


def _parse(document: Document, names: Document, most_rows: int) -> AnnotationFile | None:
    lines = _lines(document)
    if len(lines) > most_rows or not any(_numbers(line)[1] for _, line in lines[:_SAMPLE]):
        return None
    classes = [line.strip() for line in decode(names.read())[0].splitlines()]
    read = [(where, *_numbers(line)) for where, line in lines]
    wrong = [where for where, _, numbers in read if max(numbers, default=0) >= len(classes)]
    return AnnotationFile(
        document=document,
        entries=[
            Entry(where=where, files=(file,), labels=tuple({classes[at] for at in numbers if at < len(classes)}))
            for where, file, numbers in read
        ],
        classes=frozenset(classes) - {""},
        findings=list(_undeclared(document, names, wrong)),
        also=frozenset({names.parts}),
    )


def _lines(document: Document) -> list[tuple[str, str]]:
    """Raises DocumentUnreadable."""
    lines = decode(document.read())[0].split("\n")
    if any(len(line) > 4096 for line in lines):
        raise DocumentUnreadable("a line of more than 4096 characters")
    return [(f"line {number}", line.strip()) for number, line in enumerate(lines, start=1) if line.strip()]


def _numbers(line: str) -> tuple[str, list[int]]:
    """The path and the numbers of its classes. A name with blanks stands in quotes, but for its suffix."""
    if line.startswith('"'):
        name, _, rest = line[1:].partition('"')
        suffix, _, rest = rest.partition(" ")
        return name + suffix, [int(word) for word in rest.split() if _is_number(word)]
    words = line.split()
    count = next((at for at, word in enumerate(reversed(words)) if not _is_number(word)), len(words) - 1)
    return line.rsplit(maxsplit=count)[0], [int(word) for word in words[len(words) - count :]]


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) < 10


def _undeclared(document: Document, names: Document, places: list[str]) -> Iterator[Finding]:
    if places:
        told = f"{len(places)} lines have a number that {names.path} has no line for"
        text = f"{document.path}: {told}: {', '.join(shorten(places))}. Correct one of the two."
        yield Finding(weight="warning", text=text, files=(document.path, names.path))
