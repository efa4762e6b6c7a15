"""Create ML, LabelMe, VIA, VoTT and tables of boxes: refused, unless every image shows one class."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.exports.documents import as_json, images
from benchmarks.exports.samples import CLASSES, samples
from benchmarks.exports.tools.boxes import Shown, create_ml, labelme, tensorflow_csv, vott, vott_csv
from benchmarks.exports.tools.via import via, via_csv, via_project
from tests.trainer.intake.layouts.annotations.uploads import texts
from tests.trainer.intake.samples import assert_right, take_in
from trainer.errors import DatasetNotUnderstood, DatasetTooSmall

TRAIN = samples(splits=["train"], each=20)
Export = Callable[[Shown], dict[str, bytes]]


EXPORTS = {
    "Create ML": create_ml,
    "LabelMe": labelme,
    "VGG Image Annotator": via,
    "VoTT": vott,
    "table of boxes": vott_csv,
}


@pytest.mark.parametrize(
    ("layout", "export"),
    [
        *EXPORTS.items(),
        ("VGG Image Annotator", via_project),
        ("VGG Image Annotator", via_csv),
        ("table of boxes", tensorflow_csv),
    ],
)
def test_boxes(tmp_path: Path, layout: str, export: Export) -> None:
    single: Shown = {sample: [sample.label, sample.label] for sample in TRAIN}
    outcome = take_in(tmp_path, {**images(TRAIN), **export(single)})
    assert_right(outcome, TRAIN, given=())
    assert outcome.report.layout == layout
    assert "Each image has one box class; the whole image is taken" in texts(outcome, "warning")[0]
    mixed: Shown = {**single, TRAIN[0]: ["cat", "owl"]}
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


@pytest.mark.parametrize("first", ["filename", "#filename"])
def test_the_table_of_via_says_what_its_json_says(tmp_path: Path, first: str) -> None:
    shown: Shown = {sample: ["cat", "dog"] for sample in TRAIN}
    files = via_csv(shown, lambda s: {"animal": s.label, "caption": f"picture {s.stem}"}, first=first)
    outcome = take_in(tmp_path, {**images(TRAIN), **files})
    assert_right(outcome, TRAIN, given=())
    assert (outcome.report.layout, outcome.report.findings) == ("VGG Image Annotator", ())


def test_objects_of_json_in_cells_are_no_classes(tmp_path: Path) -> None:
    """A table of another tool, which is like VIA's."""
    ((name, data),) = via_csv(dict.fromkeys(TRAIN, ()), lambda s: {"animal": s.label}).items()
    with pytest.raises(DatasetTooSmall, match="found only images"):
        take_in(tmp_path, {**images(TRAIN), name: data.replace(b"region_attributes", b"remarks")})
