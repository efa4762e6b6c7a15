"""Edge Impulse's `info.labels`, and images that carry their class in their names."""

from pathlib import Path

import pytest

from benchmarks.exports.documents import as_json, images
from benchmarks.exports.samples import CLASSES, samples
from benchmarks.exports.tools.edge_impulse import BOTH, info, path_of
from tests.trainer import archives
from tests.trainer.intake.layouts.annotations.uploads import texts
from tests.trainer.intake.samples import assert_right, take_in
from trainer.errors import DatasetNotUnderstood
from trainer.intake.placement import Split

FOLDERS: dict[Split, str] = {"train": "training", "test": "testing"}
TRAIN = samples(splits=["train"], each=20)


def test_info_labels(tmp_path: Path) -> None:
    outcome = take_in(tmp_path, {**images(BOTH, path_of), "info.labels": as_json(info(BOTH))})
    assert_right(outcome, BOTH, given=("train", "test"))
    assert outcome.report.layout == "Edge Impulse"
    assert (outcome.report.findings, outcome.report.skipped) == ((), ())


def test_the_category_is_the_split_without_folders(tmp_path: Path) -> None:
    content = info(BOTH)
    for file in content["files"]:
        file["path"] = "images/" + file["path"].rpartition("/")[2]
    files = images(BOTH, lambda sample: "images/" + path_of(sample).rpartition("/")[2])
    assert_right(take_in(tmp_path, {**files, "info.labels": as_json(content)}), BOTH, given=("train", "test"))


def test_a_category_that_is_still_to_be_cut(tmp_path: Path) -> None:
    content = info(TRAIN)
    for file in content["files"]:
        file["category"] = "split"
    files = images(TRAIN, lambda sample: path_of(sample).partition("/")[2])
    for file in content["files"]:
        file["path"] = file["path"].partition("/")[2]
    outcome = take_in(tmp_path, {**files, "info.labels": as_json(content)})
    assert_right(outcome, TRAIN, given=())
    assert texts(outcome, "warning") == []


def test_files_of_no_label_or_several_and_those_that_are_disabled(tmp_path: Path) -> None:
    content = info(TRAIN)
    content["files"][0]["label"] = {"type": "unlabeled"}
    content["files"][1]["label"] = {"type": "multi-label", "labels": [{"label": "cat"}, {"label": "owl"}]}
    content["files"][2]["enabled"] = False
    outcome = take_in(tmp_path, {**images(TRAIN, path_of), "info.labels": as_json(content)})
    assert_right(outcome, TRAIN[3:], given=())
    assert any("1 files are disabled there and are left out" in text for text in texts(outcome, "note"))
    told = texts(outcome, "warning")
    assert any("1 of 59 images have several classes" in text for text in told)
    assert any("1 of 58 rows have no label" in text for text in told)


@pytest.mark.parametrize("is_alone", [True, False])
def test_boxes_are_refused(tmp_path: Path, is_alone: bool) -> None:
    boxes = [{"label": name, "x": 1, "y": 2, "width": 3, "height": 4} for name in CLASSES]
    content = info(TRAIN)
    for file in content["files"]:
        file |= {"label": {"type": "unlabeled"}, "boundingBoxes": boxes}
    name, alone = "training/bounding_boxes.labels", {path_of(each).partition("/")[2]: boxes for each in TRAIN}
    documents = {name: as_json({"version": 1, "type": "bounding-box-labels", "boundingBoxes": alone})}
    with pytest.raises(DatasetNotUnderstood, match="show several classes"):
        take_in(tmp_path, images(TRAIN, path_of) | (documents if is_alone else {"info.labels": as_json(content)}))


def test_names_of_images_tell_the_class_with_a_warning(tmp_path: Path) -> None:
    outcome = take_in(tmp_path, images(BOTH, path_of))
    assert_right(outcome, BOTH, given=("train", "test"))
    assert outcome.report.layout == "classes in the names of images"
    (told,) = texts(outcome, "warning")
    assert "up to the first dot: cat, dog, owl." in told


def test_test_images_without_a_class_in_their_names_are_left_out(tmp_path: Path) -> None:
    """Kaggle's cats and dogs."""
    files = images(TRAIN, lambda sample: f"train/{sample.label}.{sample.number}.png")
    secret = {f"test/{number}.png": archives.picture(number) for number in range(9)}
    outcome = take_in(tmp_path, files | secret)
    assert_right(outcome, TRAIN, given=())
    assert outcome.reasons["test/0.png"] == "its name tells no class"


def test_names_that_only_look_alike_are_no_classes(tmp_path: Path) -> None:
    numbers = {sample.name: at for at, sample in enumerate(BOTH)}
    with pytest.raises(DatasetNotUnderstood, match="are splits and no classes"):
        take_in(tmp_path, images(BOTH, lambda sample: f"{FOLDERS[sample.split]}/{numbers[sample.name]}.a.png"))


def test_names_do_not_come_before_class_folders(tmp_path: Path) -> None:
    outcome = take_in(tmp_path, images(BOTH, lambda s: f"{FOLDERS[s.split]}/{s.label}/x{s.number % 2}.{s.name}"))
    assert_right(outcome, BOTH, given=("train", "test"))
