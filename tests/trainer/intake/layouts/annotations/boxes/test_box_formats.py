"""Create ML, LabelMe, VIA, VoTT and tables of boxes: refused, unless every image shows one class."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.intake.layouts.annotations.uploads import as_json, images, texts
from tests.trainer.intake.samples import CLASSES, Sample, assert_right, samples, take_in
from trainer.errors import DatasetNotUnderstood

TRAIN = samples(splits=["train"], each=20)
Shown = dict[Sample, Sequence[str]]
Export = Callable[[Shown], dict[str, bytes]]


def create_ml(shown: Shown) -> dict[str, bytes]:
    def boxes(names: Sequence[str]) -> list[dict[str, Any]]:
        return [{"label": name, "coordinates": {"x": 1, "y": 2, "width": 3, "height": 4}} for name in names]

    content = [{"image": sample.name, "annotations": boxes(names)} for sample, names in shown.items()]
    return {"images/_annotations.createml.json": as_json(content)}


def labelme(shown: Shown) -> dict[str, bytes]:
    return {
        f"images/{sample.name.removesuffix('.png')}.json": as_json(
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


def via(shown: Shown) -> dict[str, bytes]:
    def regions(names: Sequence[str]) -> list[dict[str, Any]]:
        return [{"shape_attributes": {"name": "rect", "x": 1}, "region_attributes": {"kind": name}} for name in names]

    content = {
        f"{sample.name}1234": {"filename": sample.name, "size": 1234, "regions": regions(names), "file_attributes": {}}
        for sample, names in shown.items()
    }
    return {"via_region_data.json": as_json(content)}


def via_project(shown: Shown) -> dict[str, bytes]:
    (data,) = via(shown).values()
    return {"project.json": as_json({"_via_settings": {}, "_via_img_metadata": json.loads(data)})}


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


EXPORTS = {
    "Create ML": create_ml,
    "LabelMe": labelme,
    "VGG Image Annotator": via,
    "VoTT": vott,
    "table of boxes": vott_csv,
}


@pytest.mark.parametrize(
    ("layout", "export"),
    [*EXPORTS.items(), ("VGG Image Annotator", via_project), ("table of boxes", tensorflow_csv)],
)
def test_boxes(tmp_path: Path, layout: str, export: Export) -> None:
    single: Shown = {sample: [sample.label, sample.label] for sample in TRAIN}
    outcome = take_in(tmp_path, {**images(TRAIN), **export(single)})
    assert_right(outcome, TRAIN, given=())
    assert outcome.report.layout == layout
    assert "Each image has one box class; the whole image is taken" in texts(outcome, "warning")[0]
    mixed = single | {TRAIN[0]: ["cat", "owl"]}
    with pytest.raises(
        DatasetNotUnderstood, match=r"1 of 60 images show several classes: images/img_\w+.png \(cat, owl"
    ):
        take_in(tmp_path, {**images(TRAIN), **export(mixed)})


def test_flags_of_labelme_are_classes_of_whole_images(tmp_path: Path) -> None:
    files = labelme(dict.fromkeys(TRAIN, CLASSES))
    for sample, (name, data) in zip(TRAIN, files.items(), strict=True):
        files[name] = as_json(json.loads(data) | {"flags": {each: each == sample.label for each in CLASSES}})
    outcome = take_in(tmp_path, {**images(TRAIN), **files})
    assert_right(outcome, TRAIN, given=())
    assert outcome.report.findings == ()


@pytest.mark.parametrize("is_ticked", [True, False])
def test_attributes_of_files_in_via_are_classes_of_whole_images(tmp_path: Path, is_ticked: bool) -> None:
    ((name, data),) = via(dict.fromkeys(TRAIN, CLASSES)).items()
    content = json.loads(data)
    for number, (sample, image) in enumerate(zip(TRAIN, content.values(), strict=True)):
        value: Any = {each: each == sample.label for each in CLASSES} if is_ticked else sample.label
        image["file_attributes"] = {"animal": value, "caption": f"picture {number}"}
    outcome = take_in(tmp_path, {**images(TRAIN), name: as_json(content)})
    assert_right(outcome, TRAIN, given=())
    assert outcome.report.findings == ()


def test_labels_without_coordinates_in_create_ml_are_classes_of_whole_images(tmp_path: Path) -> None:
    content = [{"imagefilename": sample.name, "annotation": sample.label} for sample in TRAIN]
    outcome = take_in(tmp_path, {**images(TRAIN), "labels.json": as_json(content)})
    assert_right(outcome, TRAIN, given=())
    assert outcome.report.layout == "Create ML"
