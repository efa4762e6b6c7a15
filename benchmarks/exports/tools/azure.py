"""Azure: JSON Lines of Machine Learning, with the MLTable beside it, and lists of Custom Vision."""

from collections.abc import Iterator
from typing import Any

from benchmarks.exports.documents import as_json, as_lines, images
from benchmarks.exports.export import Export
from benchmarks.exports.samples import ALL, TRAIN, Sample, by_split

ML_TABLE = b"""paths:
- file: ./{}
transformations:
- read_json_lines:
    encoding: utf8
- convert_column_types:
  - columns: image_url
    column_type: stream_info
"""


def line(sample: Sample, label: Any = None) -> dict[str, Any]:
    url = f"azureml://subscriptions/1/workspaces/w/datastores/store/paths/animals/{sample.name}"
    return {"image_url": url, "image_details": {"format": "png"}, "label": sample.label if label is None else label}


def listed(sample: Sample, *tags: str) -> dict[str, Any]:
    """An image as Custom Vision's training API lists it."""
    number = f"{sample.name[4:12]}-0000-0000-0000-000000000000"
    return {
        "id": number,
        "width": 24,
        "originalImageUri": f"https://example.org/i-1/{sample.name}?sv=1&sig=2",
        "tags": [{"tagId": "t", "tagName": name, "created": "2026"} for name in tags or (sample.label,)],
    }


def exports() -> Iterator[Export]:
    parts = {f"{split}_annotations.jsonl": as_lines(map(line, found)) for split, found in by_split(ALL).items()}
    yield Export(name="azure/JSON Lines a split", upload=images(ALL) | parts, true=ALL)
    found, tables = by_split(ALL), {}
    for split, folder in (("train", "training"), ("val", "validation"), ("test", "test")):
        name = f"{split}_annotations.jsonl"
        tables[f"{folder}-mltable-folder/{name}"] = as_lines(map(line, found[split]))  # type: ignore[index]  # names of splits
        tables[f"{folder}-mltable-folder/MLTable"] = ML_TABLE.replace(b"{}", name.encode())
    yield Export(name="azure/MLTable", upload=images(ALL, lambda _s: "fridge/") | tables, true=ALL)
    old = [{**line(s), "image_url": f"AmlDatastore://images/{s.name}"} for s in TRAIN]
    yield Export(
        name="azure/JSON Lines of an older SDK",
        upload={**images(TRAIN), "a.jsonl": as_lines(old)},
        true=TRAIN,
        given=(),
    )
    lists = as_lines(line(sample, [sample.label]) for sample in TRAIN)
    yield Export(name="azure/lists of labels", upload={**images(TRAIN), "a.jsonl": lists}, true=TRAIN, given=())
    tags = as_json([listed(sample) for sample in TRAIN])
    by_id = images(TRAIN, lambda s: f"images/{listed(s)['id']}.png")
    yield Export(name="azure/custom vision by id", upload={**by_id, "images.json": tags}, true=TRAIN, given=())
    yield Export(name="azure/custom vision", upload={**images(TRAIN), "images.json": tags}, true=TRAIN, given=())
    boxed = [{"label": name, "topX": 0.1, "isCrowd": 0} for name in ("cat", "dog")]
    yield Export(
        name="azure/boxes of several classes",
        upload={**images(TRAIN), "a.jsonl": as_lines(line(sample, boxed) for sample in TRAIN)},
        true=TRAIN,
        refusal="show several classes",
    )
