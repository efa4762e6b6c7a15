"""Roboflow: class folders, one-hot tables and COCO JSON, with copies of pictures."""

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.exports.documents import as_json, images
from benchmarks.exports.export import Export
from benchmarks.exports.samples import ALL, CLASSES, TRAIN, Sample, by_split
from benchmarks.exports.tools.coco import CATEGORIES, coco
from trainer.intake.placement import Split

ROBOFLOW_SPLITS: Mapping[Split, str] = {"train": "train", "val": "valid", "test": "test"}
README = {"README.roboflow.txt": b"exported", "README.dataset.txt": b"animals"}


def copy_of(sample: Sample) -> str:
    """Two copies of each picture have the same name, but for its end."""
    return f"{sample.split}{sample.number // 2}_png.rf.{sample.name[4:12]}{'a' * 24}.png"


def one_hot(found: Sequence[Sample]) -> list[str]:
    rows = [", ".join([copy_of(each), *(str(int(each.label == name)) for name in CLASSES)]) for each in found]
    return [", ".join(["filename", *CLASSES]), *rows]


def folder(sample: Sample) -> str:
    return ROBOFLOW_SPLITS[sample.split]


def exports() -> Iterator[Export]:
    yield Export(
        name="roboflow/folders", upload=README | images(ALL, lambda s: f"{folder(s)}/{s.label}/{copy_of(s)}"), true=ALL
    )
    yield Export(
        name="roboflow/folders, train only",
        upload=README | images(TRAIN, lambda s: f"train/{s.label}/{copy_of(s)}"),
        true=TRAIN,
        given=("train",),
    )
    beside = images(ALL, lambda sample: f"{folder(sample)}/{copy_of(sample)}")
    parts = {ROBOFLOW_SPLITS[split]: found for split, found in by_split(ALL).items()}
    tables = {f"{name}/_classes.csv": "\n".join(one_hot(found)).encode() for name, found in parts.items()}
    yield Export(name="roboflow/one-hot tables", upload=README | beside | tables, true=ALL)
    categories = [{"id": 0, "name": "animals", "supercategory": "none"}, *CATEGORIES]
    documents = {
        f"{name}/_annotations.coco.json": as_json(
            coco(found, names=[*map(copy_of, found)]) | {"categories": categories}
        )
        for name, found in parts.items()
    }
    yield Export(name="roboflow/coco", upload=README | beside | documents, true=ALL)
