"""Pascal VOC: objects are boxes, and lists tell the classes of whole images."""

from pathlib import Path

import pytest

from benchmarks.exports.documents import images
from benchmarks.exports.samples import by_split, samples
from benchmarks.exports.tools.voc import annotations, label_img, listed, pictures, xml
from tests.trainer.intake.layouts.annotations.uploads import texts
from tests.trainer.intake.samples import assert_right, take_in
from trainer.errors import DatasetNotUnderstood

ALL = samples()
TRAIN = samples(splits=["train"], each=20)


def test_objects_of_one_class_an_image_are_taken_and_said(tmp_path: Path) -> None:
    lists = {
        f"ImageSets/Main/{split}.txt": "\n".join(each.name.removesuffix(".png") for each in found).encode()
        for split, found in by_split(ALL).items()
    }
    outcome = take_in(tmp_path, {**pictures(ALL), **annotations(ALL), **lists})
    assert_right(outcome, ALL)
    assert outcome.report.layout == "Pascal VOC"
    assert [text[:60] for text in texts(outcome, "warning")] == [
        "The annotations are boxes or outlines in the images, not cla"
    ]
    assert outcome.report.skipped == ()


def test_label_img_writes_an_attribute_into_the_root(tmp_path: Path) -> None:
    beside = {f"images/{sample.stem}.xml": label_img(sample.name, [sample.label]) for sample in TRAIN}
    outcome = take_in(tmp_path, images(TRAIN) | beside)
    assert_right(outcome, TRAIN, given=())
    assert outcome.report.layout == "Pascal VOC"


def test_one_image_of_two_classes_is_enough_to_refuse(tmp_path: Path) -> None:
    files = {**pictures(TRAIN), **annotations(TRAIN), **annotations(TRAIN[:1], ["cat", "owl"])}
    with pytest.raises(DatasetNotUnderstood, match="1 of 60 images show several classes: JPEGImages/img_"):
        take_in(tmp_path, files)


def test_images_without_objects_and_documents_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    files = {**pictures(TRAIN), **annotations(TRAIN)}
    broken, empty = list(annotations(TRAIN))[:2]
    files |= {broken: b"<annotation><object>", empty: xml("", [])}
    outcome = take_in(tmp_path, files)
    assert_right(outcome, TRAIN[2:], given=())
    told = texts(outcome, "warning")
    assert any(f"Annotations/*.xml: 1 of them cannot be read: {broken[12:]} (not XML" in text for text in told)
    assert any(f"Annotations/*.xml: 1 of 59 rows have no label: {empty[12:]}." in text for text in told)


def test_documents_beside_the_images_of_every_split(tmp_path: Path) -> None:
    """As Roboflow exports it; the names inside may be old."""
    files = images(ALL, lambda sample: f"{sample.split}/")
    for sample in ALL:
        files[f"{sample.split}/{sample.name.removesuffix('.png')}.xml"] = xml("test_1.png", [sample.label])
    assert_right(take_in(tmp_path, files), ALL)


def test_lists_of_classes(tmp_path: Path) -> None:
    files = pictures(ALL)
    for split, found in by_split(ALL).items():
        files |= listed(found, split)
        files[f"ImageSets/Main/{split}.txt"] = "\n".join(each.name.removesuffix(".png") for each in found).encode()
    outcome = take_in(tmp_path, files)
    assert_right(outcome, ALL)
    assert outcome.report.layout == "Pascal VOC lists"
    assert (outcome.report.findings, outcome.report.skipped) == ((), ())


def test_lists_of_images_of_several_classes(tmp_path: Path) -> None:
    lists = listed(TRAIN, "train")
    stem = TRAIN[0].name.removesuffix(".png")
    lists["ImageSets/Main/owl_train.txt"] = lists["ImageSets/Main/owl_train.txt"].replace(
        f"{stem} -1".encode(), f"{stem}  1".encode()
    )
    outcome = take_in(tmp_path, {**pictures(TRAIN), **lists})
    assert_right(outcome, TRAIN[1:], given=())
    assert "1 of 60 images have several classes" in texts(outcome, "warning")[0]


def test_documents_none_of_which_can_be_read_are_told(tmp_path: Path) -> None:
    files = images(TRAIN, lambda sample: f"{sample.label}/")
    broken = dict.fromkeys(annotations(TRAIN), b"<annotation><object>")
    outcome = take_in(tmp_path, files | broken)
    assert_right(outcome, TRAIN, given=())
    (told,) = texts(outcome, "warning")
    assert told.startswith("Annotations/*.xml is not used: img_")
    assert told.endswith("cannot be read.")
