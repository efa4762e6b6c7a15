"""Manifests of SageMaker Ground Truth and Rekognition Custom Labels."""

from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.exports.documents import as_lines, images
from benchmarks.exports.export import Export
from benchmarks.exports.samples import ALL, NUMBERS, TRAIN, Sample, by_split

FIRST, SECOND = "2026-01-01T10:00:00.000000", "2026-02-01T10:00:00.000000"


def answer(task: str, name: str, *, date: str = FIRST, kind: str = "image-classification") -> dict[str, Any]:
    return {
        task: NUMBERS.get(name, 0),
        f"{task}-metadata": {
            "class-name": name,
            "confidence": 0.95,
            "type": f"groundtruth/{kind}",
            "job-name": f"labeling-job/{task}",
            "human-annotated": "yes",
            "creation-date": date,
        },
    }


def line(sample: Sample, *answers: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {"source-ref": f"s3://bucket/animals/{sample.name}"}
    for each in answers:
        result |= each
    return result


def manifest(found: Sequence[Sample]) -> bytes:
    return as_lines(line(sample, answer("animal", sample.label)) for sample in found)


def boxes(*numbers: int) -> dict[str, Any]:
    annotations = [{"class_id": number, "top": 1, "left": 2, "height": 3, "width": 4} for number in numbers]
    names = {str(number): name for name, number in NUMBERS.items()}
    meta = {"class-map": names, "type": "groundtruth/object-detection", "objects": [{"confidence": 0.9}]}
    return {"boxes": {"annotations": annotations, "image_size": [{"width": 24}]}, "boxes-metadata": meta}


def exports() -> Iterator[Export]:
    pictures = images(TRAIN)
    yield Export(
        name="ground truth/output.manifest",
        upload={**pictures, "manifests/output/output.manifest": manifest(TRAIN)},
        true=TRAIN,
        given=(),
    )
    parts = {f"{split}.manifest": manifest(found) for split, found in by_split(ALL).items()}
    yield Export(name="ground truth/a manifest a split", upload=images(ALL) | parts, true=ALL)
    tasks = as_lines(line(each, answer(f"animals_{each.label}", each.label)) for each in TRAIN)
    yield Export(name="ground truth/rekognition", upload={**pictures, "train.manifest": tasks}, true=TRAIN, given=())
    checked = as_lines(
        line(each, answer("animal", each.label), answer("check", "good", kind="label-verification")) for each in TRAIN
    )
    yield Export(name="ground truth/verified", upload={**pictures, "output.manifest": checked}, true=TRAIN, given=())
    corrected = [
        line(each, answer("a", "owl" if at == 0 else each.label), answer("b", each.label, date=SECOND))
        for at, each in enumerate(TRAIN)
    ]
    yield Export(
        name="ground truth/asked again",
        upload={**pictures, "output.manifest": as_lines(corrected)},
        true=TRAIN,
        given=(),
    )
    failed = [line(each, answer("animal", each.label)) for each in TRAIN]
    failed[0]["animal-metadata"] = {"failure-reason": "ClientError: not an image"}
    yield Export(
        name="ground truth/a line that failed",
        upload={**pictures, "output.manifest": as_lines(failed)},
        true=TRAIN[1:],
        given=(),
        left_out=[f"images/{TRAIN[0].name}"],
    )
    numbers = [line(each, boxes(0, 1, 2)) for each in TRAIN]
    yield Export(
        name="ground truth/boxes of several classes",
        upload={**pictures, "output.manifest": as_lines(numbers)},
        true=TRAIN,
        refusal="show several classes",
    )
