"""Vertex AI's import files, and what it exports."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.exports.documents import as_lines, images
from benchmarks.exports.export import Export
from benchmarks.exports.samples import ALL, TRAIN, Sample
from trainer.intake.placement import Split

ML_USE: Mapping[Split, str] = {"train": "training", "val": "validation", "test": "test"}


def uri(sample: Sample) -> str:
    return f"gs://bucket-7/animals/{sample.name}"


def rows(found: Sequence[Sample], *, is_split: bool = True, is_old: bool = False) -> list[str]:
    uses = {"train": "TRAIN", "val": "VALIDATION", "test": "TEST"} if is_old else ML_USE
    return [
        f"{uses[each.split]},{uri(each)},{each.label}" if is_split else f"{uri(each)},{each.label}" for each in found
    ]


def line(sample: Sample) -> dict[str, Any]:
    return {
        "imageGcsUri": uri(sample),
        "classificationAnnotation": {"displayName": sample.label, "annotationResourceLabels": {"a": "b"}},
        "dataItemResourceLabels": {"aiplatform.googleapis.com/ml_use": ML_USE[sample.split]},
    }


def exported(sample: Sample) -> dict[str, Any]:
    """A line of an exported data set has a list of answers."""
    found = line(sample)
    return {**found, "classificationAnnotations": [found.pop("classificationAnnotation")]} | found


def exports() -> Iterator[Export]:
    for variant, lines in (("CSV", rows(ALL)), ("CSV of AutoML Vision", rows(ALL, is_old=True))):
        data = "\n".join(lines).encode()
        yield Export(name=f"vertex/{variant}", upload={**images(ALL), "import.csv": data}, true=ALL)
    bare = "\n".join(rows(TRAIN, is_split=False)).encode()
    yield Export(name="vertex/CSV without splits", upload={**images(TRAIN), "all.csv": bare}, true=TRAIN, given=())
    over = images(ALL, lambda s: f"animals/{s.label}/")
    folders = "\n".join(f"{ML_USE[s.split]},gs://b/animals/{s.label}/{s.name},{s.label}" for s in ALL).encode()
    yield Export(name="vertex/CSV over class folders", upload={**over, "import.csv": folders}, true=ALL)
    for variant, make in (("JSON Lines", line), ("JSON Lines of an export", exported)):
        data = as_lines(map(make, ALL))
        yield Export(name=f"vertex/{variant}", upload={**images(ALL), "data.jsonl": data}, true=ALL)
    several = "\n".join(f"training,{uri(each)},cat,dog" for each in TRAIN).encode()
    yield Export(
        name="vertex/several labels an image",
        upload={**images(TRAIN), "import.csv": several},
        true=TRAIN,
        refusal="have several classes.*keep one of them",
    )
