"""Label Studio's exports of choices: JSON, JSON-MIN, CSV and TSV."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, unquote

from trainer.intake.layouts.annotations.reading import AnnotationFile, Entry
from trainer.intake.layouts.annotations.tool import (
    AnnotationTool,
    bounded,
    json_documents,
    objects,
    parse_all,
    pick,
    sorting_answers,
    text,
)
from trainer.intake.layouts.image_finder import ImageFinder, finder_of
from trainer.intake.layouts.tables.delimited import read_delimited
from trainer.intake.upload import Document, Upload

_META = frozenset({"id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement", "history"})
_MINIMAL = frozenset({"annotator", "annotation_id", "lead_time"})  # in every entry of JSON-MIN, and every table
_PREFIX = re.compile(r"^[0-9a-f]{8}-")  # of uploaded files
_DROPPED = re.compile(r"[^-\w.]")  # from the names of uploaded files
_SAMPLE = 200

Answers = Mapping[str, tuple[set[str], set[str]]]  # by the question: classes of the whole image, and of regions
Task = tuple[str, Mapping[str, Any], Answers]  # where, the data it was made from, and the answers


class LabelStudio(AnnotationTool):
    name = "Label Studio"
    seen_from = "label-studio-sdk 2.1.2 (JSON, JSON-MIN, CSV, TSV), Label Studio 1.23.2 (names of uploaded files)"
    reads = (
        "the choice of every task; images under the names they were uploaded by, with or without the eight digits that "
        "Label Studio puts before them, and local files"
    )

    def files(self, upload: Upload) -> list[AnnotationFile]:
        tables = [document for document in upload.documents if document.suffix in {".csv", ".tsv"}]
        documents = [
            *json_documents(upload, {"annotations", "completions", *_MINIMAL}, root=b"["),
            *(document for document in tables if _is_table(document.head())),
        ]
        return parse_all(documents, lambda document: _parse(document, upload), upload.most_rows)


def _is_table(head: bytes) -> bool:
    header = head.partition(b"\n")[0]
    return all(name.encode() in header for name in _MINIMAL)


def _parse(document: Document, upload: Upload) -> AnnotationFile | None:
    tasks = list(_tasks(document, upload))
    if not tasks:
        return None
    find = upload.once(finder_of)
    key = _image_key([data for _, data, _ in tasks[:: max(1, len(tasks) // _SAMPLE)]], upload, document, find)
    chosen = ({name: found[0] for name, found in answers.items() if name != key} for _, _, answers in tasks)
    question, findings = pick(document, "questions", sorting_answers(chosen))
    names = upload.once(_stored_names)
    entries = (
        Entry(
            where=where,
            files=_paths(text(data.get(key)), names),
            labels=tuple(answers[question][0]) if question is not None and question in answers else (),
            boxes=tuple(box for _, boxes in answers.values() for box in boxes),
        )
        for where, data, answers in tasks
    )
    return AnnotationFile(document=document, entries=bounded(entries, upload.most_rows), findings=findings)


def _tasks(document: Document, upload: Upload) -> Iterator[Task]:
    """Raises DocumentUnreadable."""
    if document.suffix != ".json":
        yield from _of_table(document, upload)
        return
    content = document.json()
    for number, task in enumerate(content if isinstance(content, list) else [], start=1):
        if isinstance(task, dict):
            where = f"task {text(task.get('id'))[:50] or number}"
            if isinstance(task.get("data"), dict):
                yield where, task["data"], _of_annotations(task.get("annotations", task.get("completions")))
            elif task.keys() >= _MINIMAL:
                yield where, task, _of_minimal(task)


def _of_table(document: Document, upload: Upload) -> Iterator[Task]:
    grid = read_delimited(document, upload.once(finder_of), upload.most_rows)
    if grid.columns is None or not set(grid.columns) >= _MINIMAL:
        return
    for row in grid.rows:
        cells = dict(zip(grid.columns, row.cells, strict=True))
        answers = {name: _of_value(_cell(cell)) for name, cell in cells.items() if name not in _META}
        yield row.where, cells, answers


def _cell(cell: str) -> Any:
    """Answers that are more than a word are JSON in a cell."""
    if not cell.startswith(("{", "[")):
        return cell
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return cell


def _of_annotations(annotations: Any) -> Answers:
    """Of all people who answered, but for what they took back."""
    answers: dict[str, tuple[set[str], set[str]]] = {}
    for annotation in objects(annotations):
        if not annotation.get("was_cancelled") and not annotation.get("skipped"):
            for result in objects(annotation.get("result")):
                labels, boxes = _of_value(result.get("value"))
                found = answers.setdefault(text(result.get("from_name")), (set(), set()))
                found[0].update(labels)
                found[1].update(boxes)
    return answers


def _of_minimal(task: Mapping[str, Any]) -> Answers:
    """The answers stand between the task's id and its annotator; what it was made from comes before."""
    keys = list(task)
    start = keys.index("id") + 1 if "id" in keys else 0
    return {key: _of_value(task[key]) for key in keys[start : keys.index("annotator")] if key not in _META}


def _of_value(value: Any) -> tuple[set[str], set[str]]:
    """The choices of the whole image, and the labels of regions."""
    labels: set[str] = set()
    boxes: set[str] = set()
    for each in value if isinstance(value, list) else [value]:
        if not isinstance(each, dict):
            labels.add(text(each))
            continue
        for key, names in each.items():
            if isinstance(names, list) and (key == "choices" or key.endswith("labels")):
                is_region = key != "choices" or "x" in each
                (boxes if is_region else labels).update(map(text, names))
    return labels - {""}, boxes - {""}


def _image_key(sample: Sequence[Mapping[str, Any]], upload: Upload, document: Document, find: ImageFinder) -> str:
    """The key of the task's data that names the most images."""
    names = upload.once(_stored_names)
    hits: Counter[str] = Counter()
    for data in sample:
        for key, value in data.items():
            if isinstance(value, str) and key not in _META:
                hits[key] += any(find(path, document.folder) for path in _paths(value, names))
    return max(hits, key=lambda key: hits[key], default="image")


def _stored_names(upload: Upload) -> dict[str, str | None]:
    """By the name under which Label Studio would store it: the path of the image; None for several."""
    names: dict[str, str | None] = {}
    for image in upload.images:
        stored = _DROPPED.sub("", image[-1].strip().replace(" ", "_"))
        names[stored] = None if stored in names else "/".join(image)
    return names


def _paths(value: str, stored: Mapping[str, str | None]) -> tuple[str, ...]:
    """What the image of a task may be called in the upload."""
    path, _, query = value.partition("?")
    local = parse_qs(query[:4096]).get("d")
    if local and path.rstrip("/").endswith("/local-files"):
        return (local[0],)
    name = unquote(path).rpartition("/")[2]
    original = _PREFIX.sub("", name)
    if name == original or "upload" not in path.split("/"):
        return (value, path)
    found = (stored.get(name), stored.get(original))
    return (name, original, *(image for image in found if image is not None))
