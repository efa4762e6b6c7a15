"""FiftyOne: `labels.json` beside `data/`, whole data sets in `samples.json`, trees of class folders."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from benchmarks.exports.documents import as_json, images
from benchmarks.exports.export import Export
from benchmarks.exports.samples import ALL, CLASSES, NUMBERS, TRAIN, Sample, by_split, samples

Value = Callable[[Sample], Any]


def labels(found: Sequence[Sample], value: Value, classes: Sequence[str] | None = None) -> dict[str, Any]:
    return {"classes": classes, "labels": {sample.stem: value(sample) for sample in found}}


def data_set(found: Sequence[Sample], **fields: Value) -> dict[str, Any]:
    return {
        "samples": [
            {
                "_id": {"$oid": f"{number:024x}"},
                "filepath": f"data/{sample.name}",
                "tags": ["checked", {"val": "validation"}.get(sample.split, sample.split)],
                "metadata": None,
                "_media_type": "image",
                **{name: {"_cls": "Classification", "label": value(sample)} for name, value in fields.items()},
            }
            for number, sample in enumerate(found)
        ]
    }


VALUES: dict[str, tuple[Sequence[str] | None, Value]] = {
    "words": (None, lambda s: s.label),
    "numbers": (CLASSES, lambda s: NUMBERS[s.label]),
    "numbers and confidence": (CLASSES, lambda s: {"label": NUMBERS[s.label], "confidence": 0.9}),
    "attributes": (None, lambda s: {"label": s.label, "attributes": {"a": "b"}}),
    "lists": (None, lambda s: [s.label]),
}


def exports() -> Iterator[Export]:
    data = images(TRAIN, lambda _sample: "data/")
    for variant, (classes, value) in VALUES.items():
        document = {"labels.json": as_json(labels(TRAIN, value, classes))}
        yield Export(name=f"fiftyone/labels.json, {variant}", upload=data | document, true=TRAIN, given=())
    files = images(ALL, lambda sample: f"{sample.split}/data/")
    for split, found in by_split(ALL).items():
        files[f"{split}/labels.json"] = as_json(labels(found, lambda s: NUMBERS[s.label], CLASSES))
    yield Export(name="fiftyone/labels.json a split", upload=files, true=ALL)
    whole = {
        **images(ALL, lambda _sample: "data/"),
        "metadata.json": as_json({"name": "animals", "default_classes": [], "info": {}}),
        "samples.json": as_json(data_set(ALL, ground_truth=lambda s: s.label)),
    }
    yield Export(name="fiftyone/data set", upload=whole, true=ALL)
    predicted = data_set(ALL, predictions=lambda _s: "cat", ground_truth=lambda s: s.label)
    yield Export(
        name="fiftyone/data set with predictions", upload=whole | {"samples.json": as_json(predicted)}, true=ALL
    )
    rivals = data_set(ALL, mine=lambda _s: "cat", yours=lambda s: s.label)
    yield Export(
        name="fiftyone/two fields that may be the class",
        upload=whole | {"samples.json": as_json(rivals)},
        true=ALL,
        refusal="any of the fields mine, yours may be the class",
    )
    unlabelled = samples(splits=["test"])[:5]
    yield Export(
        name="fiftyone/tree",
        upload=images(TRAIN, lambda s: f"{s.label}/") | images(unlabelled, lambda _s: "_unlabeled/"),
        true=TRAIN,
        given=(),
        left_out=[f"_unlabeled/{each.name}" for each in unlabelled],
    )
