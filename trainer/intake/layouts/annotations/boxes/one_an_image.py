"""Formats with one document an image, whose name is that of the image."""

from collections import defaultdict
from collections.abc import Callable, Iterable

from trainer.intake.archives.paths import Parts
from trainer.intake.findings import Finding, shorten
from trainer.intake.layouts.annotations.reading import AnnotationFile, Entry
from trainer.intake.upload import Document, DocumentUnreadable

_MOST_BYTES = 256 * 1024**2  # of all of them together

Parse = Callable[[Document], Entry | None]


def read_one_an_image(
    documents: Iterable[Document], parse: Parse, most_rows: int, most_bytes: int = _MOST_BYTES
) -> list[AnnotationFile]:
    """The documents of each folder as if they were one, called `*.xml`; None from ``parse`` is of another format."""
    folders: dict[Parts, list[Document]] = defaultdict(list)
    for document in documents:
        folders[document.folder].append(document)
    files: list[AnnotationFile] = []
    for found in folders.values():
        most_rows -= len(found)
        most_bytes -= sum(document.size_bytes for document in found)
        if most_rows < 0 or most_bytes < 0:
            fault = "there is more of the kind than the images of an upload need"
            files.append(AnnotationFile(document=_all_of(found), fault=fault))
        else:
            files += _of_folder(found, parse)
    return files


def image_names(document: Document) -> tuple[str, ...]:
    """What the image is called: like the document, beside it or in the folder that stands for the document's."""
    stem = document.parts[-1].rpartition(".")[0]
    folders = ["images" if folder.lower() == "labels" else folder for folder in document.folder]
    return ("/".join((*folders, stem)), stem)


def _all_of(documents: list[Document]) -> Document:
    first = documents[0]
    return Document(parts=(*first.folder, f"*{first.suffix}"), size_bytes=0, offset=0, spool=first.spool)


def _of_folder(documents: list[Document], parse: Parse) -> list[AnnotationFile]:
    entries: list[Entry] = []
    faults: list[str] = []
    read: list[Parts] = []
    for document in documents:
        try:
            entry = parse(document)
        except DocumentUnreadable as fault:
            faults.append(f"{document.parts[-1]} ({fault})")
            continue
        if entry is not None:
            entries.append(entry)
            read.append(document.parts)
    several = _all_of(documents)
    if not entries:
        return [AnnotationFile(document=several, fault=f"{faults[0]} cannot be read")] if faults else []
    findings = _unreadable(several, faults)
    return [AnnotationFile(document=several, entries=entries, findings=findings, also=frozenset(read))]


def _unreadable(several: Document, faults: list[str]) -> list[Finding]:
    if not faults:
        return []
    text = f"{several.path}: {len(faults)} of them cannot be read: {', '.join(shorten(faults))}."
    return [Finding(weight="warning", text=text, files=(several.path,))]
