"""Class folders and folders of splits, in the spellings and shapes that people give them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.exports.layouts.folders import spelled
from benchmarks.exports.samples import CLASSES, Sample, samples
from tests.trainer import archives
from tests.trainer.intake.samples import assert_right, take_in
from trainer.errors import DatasetNotUnderstood
from trainer.intake.layouts.folders.class_folders import ClassFolders
from trainer.intake.layouts.folders.shape import read_shape
from trainer.intake.layouts.folders.split_folders import SplitFolders
from trainer.intake.layouts.folders.unclear_folders import UnclearFolders
from trainer.intake.placement import SPLITS, Split
from trainer.intake.upload import Upload

Place = Callable[[Sample], str]
ALL = samples()


def arranged(place: Place, found: list[Sample] = ALL) -> dict[str, bytes]:
    return {f"{place(sample)}/{sample.name}": sample.data for sample in found}


@pytest.mark.parametrize(
    "place",
    [
        lambda sample: sample.label,
        lambda sample: f"data/{sample.label}",
        lambda sample: f"a/b/{sample.label}",
        lambda sample: f"{sample.label}/{'left' if sample.number % 2 else 'right'} {sample.label}",
        lambda sample: f"{sample.label}/2019{sample.number % 2}",
        lambda sample: f"{sample.label}/{('images', 'photos')[sample.number % 2]}",
        lambda sample: f"train/{sample.label}" if sample.number else f"train/{sample.label}/more",
    ],
    ids=[
        "bare",
        "wrapped",
        "wrapped twice",
        "folders in classes",
        "years in classes",
        "neutral in classes",
        "train only",
    ],
)
def test_class_folders(tmp_path: Path, place: Place) -> None:
    outcome = take_in(tmp_path, arranged(place))
    assert_right(outcome, ALL, given=())
    assert not {"warning", "error"}.intersection(outcome.weights)
    assert outcome.report.skipped == ()


def test_folders_in_class_folders_are_said(tmp_path: Path) -> None:
    """A taxonomy is read as torchvision reads it, which may not be what is meant."""
    files = arranged(lambda sample: f"{sample.label}/{'big' if sample.number % 2 else sample.label}")
    (told,) = take_in(tmp_path, files).report.findings
    assert told.text.startswith("Folders inside class folders are a part of the class: cat/big, cat/cat")


@pytest.mark.parametrize(
    "place",
    [
        spelled("train", "val", "test"),
        spelled("Train", "VALID", "Test"),
        spelled("seg_train", "seg_val", "seg_test"),
        spelled("Training Data", "Validation Data", "Testing Data"),
        spelled("train2017", "val2017", "test2017"),
        spelled("TrainSet", "DevSet", "TestSet"),
        spelled("training_set", "evaluation-set", "hold-out"),
        spelled("fruits-360_train", "fruits-360_validation", "fruits-360_holdout"),
        spelled("pets/train", "pets/valid", "pets/test"),
        spelled("train/train", "val/val", "test/test"),
        spelled("seg_train/seg_train", "seg_val/seg_val", "seg_test/seg_test"),
        spelled("train/images", "val/images", "test/images"),
        spelled("images/train", "images/val", "images/test"),
        lambda sample: f"{sample.label}/{sample.split}",
        lambda sample: f"set/{sample.label}/{sample.split} images",
        lambda sample: f"{sample.split}/{sample.label}/{sample.number}",
    ],
)
def test_splits_in_any_usual_spelling(tmp_path: Path, place: Place) -> None:
    outcome = take_in(tmp_path, arranged(place))
    assert_right(outcome, ALL)
    assert outcome.report.layout == "splits and class folders"
    assert outcome.report.findings == ()


@pytest.mark.parametrize("given", [("train", "test"), ("train", "val")])
def test_a_split_that_is_not_there_is_cut(tmp_path: Path, given: tuple[Split, ...]) -> None:
    found = samples(splits=given, each=20)
    outcome = take_in(tmp_path, arranged(spelled("Training", "Validation", "Testing"), found))
    assert_right(outcome, found, given=given)
    assert all(all(counts.values()) for counts in outcome.report.counts.values())


def test_classes_that_are_in_one_split_only(tmp_path: Path) -> None:
    found = [sample for sample in ALL if sample.split == "train" or sample.label == "cat"]
    assert_right(take_in(tmp_path, arranged(spelled("train", "val", "test"), found)), found)


@pytest.mark.parametrize("classes", [("train", "plane", "car"), ("test tube", "test strip", "beaker"), ("val", "lav")])
def test_classes_may_be_called_like_splits(tmp_path: Path, classes: tuple[str, ...]) -> None:
    found = samples(classes, splits=["train"], each=12)
    outcome = take_in(tmp_path, arranged(lambda sample: sample.label, found), classes)
    assert_right(outcome, found, given=(), names=classes)
    assert outcome.weights == ([] if "test tube" in classes else ["warning"])


def test_parts_are_taken_together_and_said(tmp_path: Path) -> None:
    outcome = take_in(tmp_path, arranged(lambda sample: f"batch_{sample.number % 3}/{sample.label}"))
    assert_right(outcome, ALL, given=())
    assert outcome.weights == ["warning"]
    assert "batch_0, batch_1, batch_2" in outcome.report.findings[0].text


def test_a_folder_beside_the_splits_is_left_out_and_said(tmp_path: Path) -> None:
    files = arranged(spelled("train", "val", "test"))
    extra = arranged(lambda sample: f"extra/{sample.label}", samples(each=9)[-9:])
    outcome = take_in(tmp_path, files | {name: archives.picture(len(name) + at) for at, name in enumerate(extra)})
    assert len(outcome.images) == len(ALL)
    assert outcome.reasons[next(iter(extra))] == "the folder extra is no split that is known"
    assert any(
        "extra lie beside" in finding.text and finding.weight == "warning" for finding in outcome.report.findings
    )


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (lambda sample: sample.split, "are splits and no classes"),
        (lambda sample: f"{sample.split}ing data", "are splits and no classes"),
        (lambda sample: f"data/{sample.split}", "are splits and no classes"),
        (lambda sample: f"{sample.split}/images", "are splits and no classes"),
        (lambda sample: ("train", "val", "extra")[SPLITS.index(sample.split)], "are splits and no classes"),
        (lambda sample: f"{('apple', 'pear')[sample.number % 2]}/{sample.label}", "can be read in two ways"),
        (lambda sample: f"{sample.split}_{sample.label}", "can be read in two ways"),
        (lambda sample: ("images", "masks")[sample.number % 2], "sort files by their use"),
    ],
)
def test_what_cannot_be_told_is_refused_with_the_mend(tmp_path: Path, place: Place, message: str) -> None:
    with pytest.raises(DatasetNotUnderstood, match=message) as failure:
        take_in(tmp_path, arranged(place))
    assert any(word in str(failure.value) for word in ("Add the table", "put their images", "Sort the images"))


@pytest.mark.parametrize("folder", ["no_label", "_unlabeled", "unlabelled images", "predict", "seg_pred", "un-labeled"])
@pytest.mark.parametrize(
    "place", [lambda sample: sample.label, spelled("train", "val", "test")], ids=["classes", "splits"]
)
def test_unlabelled_folders_are_left_out_and_said(tmp_path: Path, place: Place, folder: str) -> None:
    unlabelled = {f"{folder}/{number}.png": archives.picture(number) for number in range(9)}
    outcome = take_in(tmp_path, arranged(place) | unlabelled)
    assert len(outcome.images) == len(ALL)
    assert {outcome.reasons[name] for name in unlabelled} == {"in a folder of images without a label"}
    assert outcome.weights == ["note"]
    assert (
        f"9 images are left out, in a folder of images without a label: in {folder}." == outcome.report.findings[0].text
    )


def test_images_beside_the_class_folders_are_said(tmp_path: Path) -> None:
    files = arranged(spelled("train", "val", "test"))
    loose = {f"test/{number}.png": archives.picture(number) for number in range(60)}
    outcome = take_in(tmp_path, files | loose)
    assert len(outcome.images) == len(ALL)
    assert outcome.weights == ["warning"]
    assert "60 images are left out, not in a class folder: in test." in outcome.report.findings[0].text


def test_a_split_whose_images_lie_in_one_folder_has_no_classes(tmp_path: Path) -> None:
    """As in Tiny ImageNet, without its table: `images` is no class."""
    found = samples(splits=["train"], each=20)
    loose = {f"val/images/{number}.png": archives.picture(number) for number in range(9)}
    outcome = take_in(tmp_path, arranged(lambda sample: f"train/{sample.label}/images", found) | loose)
    assert_right(outcome, found, given=())
    assert outcome.reasons["val/images/0.png"] == "in a folder of a split, which says nothing of its class"
    assert "warning" in outcome.weights


def test_more_images_without_a_class_than_with_one(tmp_path: Path) -> None:
    """Kaggle's test images have no folders, and may be more than the training images."""
    found = samples(splits=["train"], each=20)
    loose = {f"test/{number}.png": archives.picture(number) for number in range(200)}
    outcome = take_in(tmp_path, arranged(spelled("train", "val", "test"), found) | loose)
    assert_right(outcome, found, given=())
    assert "warning" in outcome.weights


@settings(max_examples=400, deadline=None)
@given(
    paths=st.lists(
        st.lists(
            st.sampled_from(["train", "test", "val data", "cats", "dogs", "images", "pred", "1", "2", "é", "x"]),
            max_size=4,
        ).map(tuple),
        max_size=30,
    )
)
def test_every_image_is_placed_or_has_a_reason(paths: list[tuple[str, ...]]) -> None:
    images = [(*folders, f"{number}.png") for number, folders in enumerate(paths)]
    shape = read_shape(images)
    for image in images:
        place = shape.place(image)
        assert isinstance(place, str) or place.label in image[:-1]
    upload = Upload(images=tuple(sorted(images)))
    found = [each for each in (ClassFolders(), SplitFolders(), UnclearFolders()) if each.recognise(upload)]
    assert len(found) <= 1
    for layout in found:
        reading = layout.read(upload)
        assert {*reading.placements} | {parts for parts, _ in reading.left_out} == {*images}


@pytest.mark.parametrize(
    ("data", "said"), [(bytes(range(200)), ["unknown"]), (b"", ["empty file"]), (b"how they were taken", [])]
)
def test_a_folder_of_files_of_no_known_kind_is_not_passed_over(tmp_path: Path, data: bytes, said: list[str]) -> None:
    files = arranged(lambda sample: sample.label)
    outcome = take_in(tmp_path, files | {f"fox/{number}": data for number in range(3)})
    assert [finding.text for finding in outcome.report.findings if finding.weight == "warning"] == [
        f"The folder fox holds no image and will be no class: 3 x {kind}." for kind in said
    ]


def test_folders_without_images_are_said(tmp_path: Path) -> None:
    files = arranged(spelled("train", "val", "test"))
    empty = {"train/bat/": b"", "test/bat/": b"", "val/cat/": b""}
    other = {f"train/fox/{number}.mp4": b"\0\0\0\x20ftypisom" for number in range(3)}
    files = {name: data for name, data in files.items() if not name.startswith("val/cat/")}
    outcome = take_in(tmp_path, files | empty | other)
    assert [(finding.weight, finding.text) for finding in outcome.report.findings] == [
        (
            "warning",
            "2 class folders are empty and will be no class: test/bat, train/bat. Put images in, or take them away.",
        ),
        ("note", "A class folder is empty: val/cat."),
        ("warning", "The folder train/fox holds no image and will be no class: 3 x video (MP4)."),
        (
            "warning",
            "The split val has no usable image of 1 of 3 classes: cat. Figures on val images say nothing of them: put "
            "images of every class there, or leave the split out, so that one is cut from the training images.",
        ),
    ]
    assert outcome.report.classes == CLASSES


def test_folders_of_splits_in_folders_that_are_no_classes_are_refused(tmp_path: Path) -> None:
    """Sites, or folds: `site_A` is no class, though there are splits in it."""
    with pytest.raises(DatasetNotUnderstood, match="site_A, site_B can be read in two ways"):
        take_in(tmp_path, arranged(lambda s: f"site_{'AB'[s.number % 2]}/{s.split}/{s.label}"))


def test_a_copy_of_the_data_set_in_itself_counts_once(tmp_path: Path) -> None:
    files = arranged(lambda s: f"flowers/{s.label}")
    copy = {f"flowers/{name}": data for name, data in files.items()}
    outcome = take_in(tmp_path, files | copy)
    assert_right(outcome, ALL, given=())
    assert outcome.weights == ["note"]
    assert "The folders in flowers have the names of those beside it" in outcome.report.findings[0].text
    more = [sample for sample in samples(each=9) if sample.number == 8]
    extra = arranged(lambda s: f"flowers/flowers/{s.label}", more)
    assert_right(take_in(tmp_path, files | copy | extra), [*ALL, *more], given=())
