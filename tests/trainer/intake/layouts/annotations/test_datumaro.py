"""Datumaro's own JSON, and what the tool itself exports."""

from pathlib import Path

import pytest

from benchmarks.exports.documents import as_json, images
from benchmarks.exports.samples import CLASSES, by_split, samples
from benchmarks.exports.tools.datumaro import content
from tests.trainer.intake.layouts.annotations.uploads import texts
from tests.trainer.intake.samples import assert_right, take_in
from tests.trainer.intake.tools import Tool, tool
from trainer.errors import DatasetNotUnderstood

ALL = samples()
TRAIN = samples(splits=["train"], each=20)


@pytest.mark.parametrize("has_path", [True, False])
@pytest.mark.parametrize("folder", ["images/{split}/", "images/"])
def test_a_document_a_subset(tmp_path: Path, folder: str, has_path: bool) -> None:
    files = images(ALL, lambda sample: folder.format(split=sample.split))
    for split, found in by_split(ALL).items():
        files[f"annotations/{split}.json"] = as_json(content(found, has_path=has_path))
    outcome = take_in(tmp_path, files)
    assert_right(outcome, ALL)
    assert outcome.report.layout == "Datumaro JSON"
    assert (outcome.report.findings, outcome.report.skipped) == ((), ())


def test_the_default_subset_is_no_split(tmp_path: Path) -> None:
    """As CVAT exports a task that has no subsets."""
    files = images(TRAIN, lambda _sample: "images/default/")
    outcome = take_in(tmp_path, {**files, "annotations/default.json": as_json(content(TRAIN))})
    assert_right(outcome, TRAIN, given=())


def test_items_of_no_label_or_several_or_an_unknown_one(tmp_path: Path) -> None:
    found = content(TRAIN)
    found["items"][0]["annotations"] = []
    found["items"][1]["annotations"] += [{"type": "label", "label_id": 2}, {"type": "caption", "caption": "a cat"}]
    found["items"][2]["annotations"][0]["label_id"] = 3
    found["items"][3]["annotations"] += [{"type": "bbox", "label_id": 2}]
    outcome = take_in(tmp_path, {**images(TRAIN), "annotations/default.json": as_json(found)})
    assert_right(outcome, TRAIN[3:], given=())
    told = texts(outcome, "warning")
    assert any("1 of 60 items have a label that is not declared: item img_" in text for text in told)
    assert any("1 of 60 images have several classes" in text for text in told)
    assert any("2 of 59 rows have no label" in text for text in told)


def test_boxes_of_one_class_are_taken_and_said(tmp_path: Path) -> None:
    files = {**images(TRAIN), "annotations/default.json": as_json(content(TRAIN, "bbox"))}
    outcome = take_in(tmp_path, files)
    assert_right(outcome, TRAIN, given=())
    assert "Each image has one box class" in texts(outcome, "warning")[0]


EXPORT = """
import sys
from pathlib import Path
from datumaro.components.annotation import Bbox, Label
from datumaro.components.dataset import Dataset
from datumaro.components.dataset_base import DatasetItem
from datumaro.components.media import Image

source, target, classes, formats = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3].split(), sys.argv[4].split()
for name in formats:
    kind, _, form = name.partition(":")
    items = []
    for path in sorted(source.rglob("*.png")):
        number = classes.index(path.parent.name)
        label = [Label(number)] if kind == "label" else [Bbox(1, 2, 8, 9, label=number), Bbox(1, 2, 8, 9, label=0)]
        split, image = path.parent.parent.name, Image.from_file(str(path))
        items.append(DatasetItem(id=path.stem, subset=split, media=image, annotations=label))
    Dataset.from_iterable(items, categories=classes).export(str(target / kind / form), form, save_media=True)
"""
WITHOUT_SPLITS = {"imagenet"}
CLASSIFIED = ["imagenet", "imagenet_with_subset_dirs", "imagenet_txt", "datumaro", "cvat", "coco", "voc", "open_images"]
BOXED = ["coco_instances", "voc_detection", "yolo", "yolo_ultralytics", "cvat", "datumaro", "label_me"]


@pytest.mark.nightly
def test_what_the_tool_exports(tmp_path: Path) -> None:
    datumaro: Tool = tool(tmp_path, "datumaro==1.13.12")
    for sample in ALL:
        path = tmp_path / "source" / sample.split / sample.label / sample.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sample.data)
    formats = [*(f"label:{name}" for name in CLASSIFIED), *(f"box:{name}" for name in BOXED)]
    datumaro.run(EXPORT, str(tmp_path / "source"), str(tmp_path / "exports"), " ".join(CLASSES), " ".join(formats))
    for name in CLASSIFIED:
        outcome = take_in(tmp_path, datumaro.files(tmp_path / "exports" / "label" / name))
        assert_right(outcome, ALL, given=() if name in WITHOUT_SPLITS else ("train", "val", "test"))
    for name in BOXED:
        with pytest.raises(DatasetNotUnderstood, match="show several classes"):
            take_in(tmp_path, datumaro.files(tmp_path / "exports" / "box" / name))
