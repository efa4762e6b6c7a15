"""COCO JSON, and Roboflow's and VIA's kinds of it."""

from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.exports.documents import as_json, by_pattern, images
from benchmarks.exports.export import Export
from benchmarks.exports.samples import ALL, CLASSES, TRAIN, Sample, by_split

CATEGORIES = [{"id": number * 7 + 1, "name": name, "supercategory": "animal"} for number, name in enumerate(CLASSES)]
CATEGORY_IDS: dict[str, Any] = {str(each["name"]): each["id"] for each in CATEGORIES}
BOX = {"bbox": [1.0, 2.0, 8.0, 9.0], "area": 72.0, "segmentation": [], "iscrowd": 0}


def coco(found: Sequence[Sample], *, names: Sequence[str] = (), shape: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "info": {"year": "2026"},
        "licenses": [],
        "categories": CATEGORIES,
        "images": [
            {"id": number, "file_name": name, "width": 24, "height": 24}
            for number, name in enumerate(names or [sample.name for sample in found], start=100)
        ],
        "annotations": [
            {"id": number, "image_id": number + 100, "category_id": CATEGORY_IDS[sample.label], **(shape or {})}
            for number, sample in enumerate(found)
        ],
    }


def exports() -> Iterator[Export]:
    for variant, folder, name in (
        ("original 2017", "{split}2017/", "annotations/instances_{split}2017.json"),
        ("images and annotations", "images/{split}/", "annotations/{split}.json"),
        ("one folder of images", "images/", "labels_{split}.json"),
        ("beside the images", "{split}/", "{split}/annotations.json"),
    ):
        files = images(ALL, by_pattern(folder))
        files |= {name.format(split=split): as_json(coco(found)) for split, found in by_split(ALL).items()}
        yield Export(name=f"coco/{variant}", upload=files, true=ALL)
    yield Export(name="coco/same names in every split", upload=_same_names(), true=ALL)
    yield Export(
        name="coco/one document", upload={**images(TRAIN), "result.json": as_json(coco(TRAIN))}, true=TRAIN, given=()
    )
    yield Export(
        name="coco/one document over folders of splits",
        upload={
            **images(ALL, lambda sample: f"images/{sample.split}/"),
            "annotations.json": as_json(coco(ALL, names=[f"images/{each.split}/{each.name}" for each in ALL])),
        },
        true=ALL,
    )
    yield Export(
        name="coco/addresses of another machine",
        upload={
            **images(TRAIN),
            "coco.json": as_json(coco(TRAIN, names=[f"C:\\Users\\me\\data\\{each.name}" for each in TRAIN])),
        },
        true=TRAIN,
        given=(),
    )
    yield Export(
        name="coco/one box an image",
        upload={**images(TRAIN), "instances.json": as_json(coco(TRAIN, shape=BOX))},
        true=TRAIN,
        given=(),
    )
    yield Export(
        name="coco/boxes of several classes",
        upload={**images(TRAIN), "instances.json": as_json(_several(coco(TRAIN, shape=BOX)))},
        true=TRAIN,
        refusal="show several classes.*Cut the boxes out",
    )
    twice = coco(TRAIN) | {"categories": [*CATEGORIES, {"id": 1, "name": "cow"}]}
    yield Export(
        name="coco/two categories of one id",
        upload={**images(TRAIN), "coco.json": as_json(twice)},
        true=TRAIN,
        refusal="several categories have the same id",
    )


def _same_names() -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for split, found in by_split(ALL).items():
        names = [f"{number:06d}.png" for number in range(len(found))]
        files |= {f"{split}/{name}": sample.data for name, sample in zip(names, found, strict=True)}
        files[f"annotations/{split}.json"] = as_json(coco(found, names=names))
    return files


def _several(content: dict[str, Any]) -> dict[str, Any]:
    """Every image with a box of another class besides."""
    others = [
        {"id": 1000 + each["id"], "image_id": each["image_id"], "category_id": CATEGORY_IDS["cat"], **BOX}
        for each in content["annotations"]
    ]
    return content | {"annotations": content["annotations"] + others}
