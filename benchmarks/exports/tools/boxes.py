"""Tools for boxes and outlines: each image of ``shown`` with the classes of its boxes."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from benchmarks.exports.documents import Place, as_json, images
from benchmarks.exports.export import Export
from benchmarks.exports.samples import CLASSES, NUMBERS, TRAIN, Sample

Shown = Mapping[Sample, Sequence[str]]
YOLO_BOX = "0.5 0.5 0.25 0.3"


def create_ml(shown: Shown) -> dict[str, bytes]:
    def boxes(names: Sequence[str]) -> list[dict[str, Any]]:
        return [{"label": name, "coordinates": {"x": 1, "y": 2, "width": 3, "height": 4}} for name in names]

    content = [{"image": sample.name, "annotations": boxes(names)} for sample, names in shown.items()]
    return {"images/_annotations.createml.json": as_json(content)}


def labelme(shown: Shown) -> dict[str, bytes]:
    return {
        f"images/{sample.stem}.json": as_json(
            {
                "version": "5.5.0",
                "flags": {},
                "shapes": [{"label": name, "points": [[1, 2], [3, 4]], "shape_type": "rectangle"} for name in names],
                "imagePath": sample.name,
                "imageData": None,
            }
        )
        for sample, names in shown.items()
    }


def vott(shown: Shown) -> dict[str, bytes]:
    assets = {
        f"{number:032x}": {
            "asset": {"format": "png", "id": f"{number:032x}", "name": each.name, "path": f"file:/c:/x/{each.name}"},
            "regions": [{"id": "r", "type": "RECTANGLE", "tags": [name], "boundingBox": {"left": 1}} for name in names],
            "version": "2.2.0",
        }
        for number, (each, names) in enumerate(shown.items())
    }
    return {"animals-export.json": as_json({"name": "animals", "videoSettings": {}, "tags": [], "assets": assets})}


def vott_csv(shown: Shown) -> dict[str, bytes]:
    rows = [f'"{sample.name}",1.5,2,3,4,"{name}"' for sample, names in shown.items() for name in names]
    return {"animals-export.csv": "\n".join(['"image","xmin","ymin","xmax","ymax","label"', *rows]).encode()}


def tensorflow_csv(shown: Shown) -> dict[str, bytes]:
    rows = [f"{sample.name},24,24,{name},1,2,3,4" for sample, names in shown.items() for name in names]
    return {"images/_annotations.csv": "\n".join(["filename,width,height,class,xmin,ymin,xmax,ymax", *rows]).encode()}


def yolo(shown: Shown, place: Place = lambda _sample: "images/", *, box: str = YOLO_BOX) -> dict[str, bytes]:
    return {
        f"{place(sample)}{sample.stem}.txt": "\n".join(f"{NUMBERS[name]} {box}" for name in names).encode()
        for sample, names in shown.items()
    }


def yolo_with_names(shown: Shown) -> dict[str, bytes]:
    return {**yolo(shown), "images/classes.txt": "\n".join(CLASSES).encode()}


TOOLS: Mapping[str, Callable[[Shown], dict[str, bytes]]] = {
    "create ml": create_ml,
    "labelme": labelme,
    "vott": vott,
    "vott CSV": vott_csv,
    "tensorflow CSV": tensorflow_csv,
    "yolo": yolo_with_names,
}


def exports() -> Iterator[Export]:
    single = {sample: [sample.label, sample.label] for sample in TRAIN}
    mixed = single | {TRAIN[0]: ["cat", "owl"]}
    for name, tool in TOOLS.items():
        yield Export(name=f"boxes/{name}", upload=images(TRAIN) | tool(single), true=TRAIN, given=())
    for name in ("create ml", "yolo", "tensorflow CSV"):
        yield Export(
            name=f"boxes/{name}, several classes",
            upload=images(TRAIN) | TOOLS[name](mixed),
            true=TRAIN,
            refusal="1 of 36 images show several classes",
        )
    flags = {
        name: as_json(json.loads(data) | {"flags": {each: each == sample.label for each in CLASSES}, "shapes": []})
        for sample, (name, data) in zip(TRAIN, labelme(single).items(), strict=True)
    }
    yield Export(name="boxes/labelme flags", upload=images(TRAIN) | flags, true=TRAIN, given=())
    words = as_json([{"imagefilename": sample.name, "annotation": sample.label} for sample in TRAIN])
    yield Export(name="boxes/create ml labels", upload={**images(TRAIN), "a.json": words}, true=TRAIN, given=())
