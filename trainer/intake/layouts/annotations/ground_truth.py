"""Manifests of SageMaker Ground Truth and Rekognition Custom Labels: a line an image, an attribute a task."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainer.intake.findings import Finding, shorten
from trainer.intake.layouts.annotations.reading import AnnotationFile, Entry
from trainer.intake.layouts.annotations.tool import AnnotationTool, bounded, objects, parse_all, pick, text
from trainer.intake.layouts.documents.json_lines import read_json_lines
from trainer.intake.upload import Document, Upload

_SOURCE = "source-ref"
_META = "-metadata"
_SUFFIXES = (".manifest", ".jsonl", ".ndjson", ".json")
_CHANGED = 0.3  # of the lines with several answers may have different ones, where the question is the same
_NO_CLASSES = "label-verification"  # says whether another task was done well


@dataclass(frozen=True, kw_only=True)
class _Line:
    where: str
    file: str
    # by the task: the classes of the whole image
    labels: Mapping[str, tuple[str, ...]]
    boxes: tuple[str, ...]
    # by the task: when it was done
    dates: Mapping[str, str]


class GroundTruth(AnnotationTool):
    name = "Ground Truth manifest"
    seen_from = "Amazon SageMaker Ground Truth, Rekognition Custom Labels (the documented forms)"
    reads = (
        "the `class-name` of every line; where a later task asks what another asked before, its answer; the name of a "
        "manifest may be its split"
    )

    def files(self, upload: Upload) -> list[AnnotationFile]:
        documents = (
            document
            for document in upload.documents
            if document.suffix in _SUFFIXES and f'"{_SOURCE}"'.encode() in document.head()
        )
        return parse_all(documents, lambda document: _parse(document, upload.most_rows), upload.most_rows)


def _parse(document: Document, most_rows: int) -> AnnotationFile | None:
    lines = [
        _line(where, content)
        for where, content in read_json_lines(document)
        if isinstance(content, dict) and _SOURCE in content
    ]
    entries, findings = _entries(document, lines)
    return AnnotationFile(document=document, entries=bounded(entries, most_rows), findings=findings) if lines else None


def _line(where: str, content: Mapping[str, Any]) -> _Line:
    labels: dict[str, tuple[str, ...]] = {}
    dates: dict[str, str] = {}
    boxes: set[str] = set()
    for key, meta in content.items():
        if key.endswith(_META) and isinstance(meta, dict) and _NO_CLASSES not in text(meta.get("type")):
            task = key.removesuffix(_META)
            found, answer = meta.get("class-map"), content.get(task)
            classes: Mapping[str, Any] = found if isinstance(found, dict) else {}
            if isinstance(answer, dict):  # boxes and masks are objects, classes are numbers
                numbers = (text(each.get("class_id")) for each in objects(answer.get("annotations")))
                boxes.update(text(classes.get(number)) for number in numbers)
            elif names := tuple(filter(None, map(text, [meta.get("class-name"), *classes.values()]))):
                labels[task], dates[task] = tuple(sorted(names)), text(meta.get("creation-date"))
    return _Line(where=where, file=text(content[_SOURCE]), labels=labels, boxes=tuple(boxes - {""}), dates=dates)


def _entries(document: Document, lines: Sequence[_Line]) -> tuple[Iterator[Entry], list[Finding]]:
    """Rekognition has one task a class, and all of them count. Of tasks that ask the same question again the last one
    does. Which of different questions is meant only their names can tell."""
    classes: dict[str, set[str]] = defaultdict(set)
    for line in lines:
        for task, names in line.labels.items():
            classes[task].update(names)
    if all(len(names) == 1 for names in classes.values()):
        return (_entry(line, line.labels) for line in lines), []
    repeated = [line for line in lines if len(line.labels) > 1]
    changed = [line.where for line in repeated if len(set(line.labels.values())) > 1]
    if len(changed) <= _CHANGED * len(repeated):
        return (_entry(line, _latest(line)) for line in lines), list(_changed(document, changed, len(repeated)))
    meant, findings = pick(document, "tasks", classes)
    return (_entry(line, [] if meant is None else [meant]) for line in lines), findings


def _entry(line: _Line, tasks: Iterable[str]) -> Entry:
    labels = {name for task in tasks for name in line.labels.get(task, ())}
    return Entry(where=line.where, files=(line.file,), labels=tuple(labels), boxes=line.boxes)


def _latest(line: _Line) -> list[str]:
    latest = max(line.dates.values(), default="")
    return [task for task, date in line.dates.items() if date == latest]


def _changed(document: Document, places: list[str], lines: int) -> Iterator[Finding]:
    if places:
        told = f"{document.path}: a later task changes the class in {len(places)} of {lines} lines"
        text = f"{told}: {', '.join(shorten(places))}. The later answer is taken."
        yield Finding(weight="warning", text=text, files=(document.path,))
