"""Label Studio's exports of choices and rectangles."""

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from benchmarks.exports.documents import as_json, images, table_of_rows
from benchmarks.exports.export import Export
from benchmarks.exports.samples import CLASSES, TRAIN, Sample

Url = Callable[[Sample], str]


def prefixed(sample: Sample) -> str:
    return f"{sample.name[4:12]}-{sample.name}"


def uploaded(sample: Sample) -> str:
    return f"/data/upload/3/{prefixed(sample)}"


def choice(*names: str, question: str = "choice") -> dict[str, Any]:
    return {
        "value": {"choices": list(names)},
        "id": "x1",
        "from_name": question,
        "to_name": "image",
        "type": "choices",
        "origin": "manual",
    }


def rectangle(name: str) -> dict[str, Any]:
    value = {"x": 1, "y": 2, "width": 8, "height": 9, "rotation": 0, "rectanglelabels": [name]}
    return {"value": value, "from_name": "label", "to_name": "image", "type": "rectanglelabels", "id": "x2"}


def task(number: int, url: str, *results: dict[str, Any], **others: Any) -> dict[str, Any]:
    annotation = {"id": 10 + number, "completed_by": 1, "result": list(results), "was_cancelled": False}
    return {"id": number, "annotations": [annotation], "predictions": [], "data": {"image": url, **others}, "meta": {}}


def tasks(found: Sequence[Sample], url: Url = uploaded) -> list[dict[str, Any]]:
    return [task(number, url(sample), choice(sample.label)) for number, sample in enumerate(found, start=1)]


def minimal(found: Sequence[Sample], url: Url = uploaded) -> list[dict[str, Any]]:
    times = {"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "lead_time": 1.5}
    return [
        {"image": url(sample), "id": number, "choice": sample.label, "annotator": 1, "annotation_id": number, **times}
        for number, sample in enumerate(found, start=1)
    ]


def table(rows: Sequence[dict[str, Any]], delimiter: str = ",") -> bytes:
    """As the tool sorts and quotes it."""
    ordered = [dict(sorted(row.items())) for row in rows]
    return table_of_rows(ordered, delimiter=delimiter, quoting=csv.QUOTE_NONNUMERIC)


FORMS: dict[str, Callable[[Sequence[Sample]], tuple[str, bytes]]] = {
    "JSON": lambda found: ("project-3.json", as_json(tasks(found))),
    "JSON-MIN": lambda found: ("project-3.json", json.dumps(minimal(found), indent=2).replace("/", "\\/").encode()),
    "CSV": lambda found: ("result.csv", table(minimal(found))),
    "TSV": lambda found: ("result.tsv", table(minimal(found), "\t")),
}


def exports() -> Iterator[Export]:
    for form, make in FORMS.items():
        document = dict([make(TRAIN)])
        for variant, place in (("", lambda s: f"images/{prefixed(s)}"), (", images by their own names", lambda _s: "")):
            name = f"label studio/{form}{variant}"
            yield Export(name=name, upload=images(TRAIN, place) | document, true=TRAIN, given=())
    local = as_json(tasks(TRAIN, lambda s: f"/data/local-files/?d=animals/{s.name}"))
    files = images(TRAIN, lambda _sample: "animals/")
    yield Export(name="label studio/local files", upload={**files, "tasks.json": local}, true=TRAIN, given=())
    cloud = as_json(tasks(TRAIN, lambda s: f"s3://bucket/animals/{s.name}"))
    yield Export(name="label studio/cloud storage", upload={**files, "tasks.json": cloud}, true=TRAIN, given=())
    one = as_json([task(number, uploaded(s), rectangle(s.label)) for number, s in enumerate(TRAIN)])
    yield Export(name="label studio/one rectangle", upload={**images(TRAIN), "a.json": one}, true=TRAIN, given=())
    several = [task(number, uploaded(s), *map(rectangle, CLASSES)) for number, s in enumerate(TRAIN)]
    yield Export(
        name="label studio/rectangles of several classes",
        upload={**images(TRAIN), "a.json": as_json(several)},
        true=TRAIN,
        refusal="show several classes",
    )
