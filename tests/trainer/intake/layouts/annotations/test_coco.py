"""COCO JSON with one category an image, and every way in which it says something else."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.exports.documents import as_json, images
from benchmarks.exports.samples import CLASSES, by_split, samples
from benchmarks.exports.tools.coco import BOX, CATEGORIES, coco
from benchmarks.exports.tools.roboflow import ROBOFLOW_SPLITS
from tests.trainer import archives
from tests.trainer.intake.layouts.annotations.uploads import texts, upload_of
from tests.trainer.intake.samples import assert_right, take_in
from trainer.errors import DatasetNotUnderstood, DatasetTooSmall
from trainer.intake.layouts.annotations.coco import Coco

ALL = samples()
TRAIN = samples(splits=["train"], each=20)
NUMBERS: dict[str, Any] = {str(each["name"]): each["id"] for each in CATEGORIES}


@pytest.mark.parametrize("name", ["annotations/labels_{split}.json", "{split}.json", "instances_{split}2017.json"])
@pytest.mark.parametrize("folder", ["images/{split}/", "{split}2017/", "images/"])
def test_a_document_a_split(tmp_path: Path, name: str, folder: str) -> None:
    files = images(ALL, lambda sample: folder.format(split=sample.split))
    for split, found in by_split(ALL).items():
        files[name.format(split=split)] = as_json(coco(found))
    outcome = take_in(tmp_path, files)
    assert_right(outcome, ALL)
    assert outcome.report.layout == "COCO JSON"
    assert (outcome.report.findings, outcome.report.skipped) == ((), ())


def test_images_of_the_same_names_in_every_split(tmp_path: Path) -> None:
    """`1.png` is in every split's folder: the name of the document tells which is meant."""
    files: dict[str, bytes] = {}
    for split, found in by_split(ALL).items():
        files |= {f"images/{split}/{number}.png": sample.data for number, sample in enumerate(found)}
        files[f"annotations/{split}.json"] = as_json(coco(found, names=[f"{at}.png" for at in range(len(found))]))
    assert_right(take_in(tmp_path, files), ALL)


def test_roboflow_with_the_root_of_its_categories_and_copies(tmp_path: Path) -> None:
    copies = {sample.name: f"{sample.number // 2}_png.rf.{sample.name[4:12]}{'0' * 24}.png" for sample in TRAIN}
    categories = [{"id": 0, "name": "animal", "supercategory": "none"}, *CATEGORIES]
    files = images(TRAIN, lambda sample: f"train/{copies[sample.name]}")
    content = coco(TRAIN, names=[copies[sample.name] for sample in TRAIN]) | {"categories": categories}
    outcome = take_in(tmp_path, files | {"train/_annotations.coco.json": as_json(content)})
    assert_right(outcome, TRAIN, given=())
    assert [text[-30:] for text in texts(outcome, "note")] == [" 30 groups stays in one split."]
    assert outcome.weights == ["note"]


def test_frames_of_a_sequence_are_a_group() -> None:
    content = coco(TRAIN)
    for number, image in enumerate(content["images"]):
        image["seq_id"] = f"sequence {number // 4}"
    groups = Coco().read(upload_of({"a.json": as_json(content)}, images(TRAIN))).groups
    assert {groups["images", sample.name] for sample in TRAIN[:8]} == {"sequence 0", "sequence 1"}


def test_roboflow_with_all_splits(tmp_path: Path) -> None:
    files = images(ALL, lambda sample: f"{ROBOFLOW_SPLITS[sample.split]}/")
    for split, found in by_split(ALL).items():
        files[f"{ROBOFLOW_SPLITS[split]}/_annotations.coco.json"] = as_json(coco(found))
    outcome = take_in(tmp_path, files)
    assert_right(outcome, ALL)
    assert outcome.report.findings == ()


def test_one_document_for_images_anywhere(tmp_path: Path) -> None:
    names = [f"train_val2019/{sample.label}/{sample.name}" for sample in TRAIN]
    outcome = take_in(
        tmp_path, {**images(TRAIN, lambda _sample: "photos/"), "all.json": as_json(coco(TRAIN, names=names))}
    )
    assert_right(outcome, TRAIN, given=())


def test_boxes_of_one_class_an_image_are_taken_and_said(tmp_path: Path) -> None:
    outcome = take_in(tmp_path, {**images(TRAIN), "instances.json": as_json(coco(TRAIN, shape=BOX))})
    assert_right(outcome, TRAIN, given=())
    (told,) = texts(outcome, "warning")
    assert "Each image has one box class; the whole image is taken" in told


def test_boxes_that_say_what_the_folders_say_need_no_warning(tmp_path: Path) -> None:
    files = images(TRAIN, lambda sample: f"{sample.label}/")
    outcome = take_in(tmp_path, {**files, "instances.json": as_json(coco(TRAIN, shape=BOX))})
    assert_right(outcome, TRAIN, given=())
    assert outcome.report.findings == ()


def test_classes_of_whole_images_come_before_boxes(tmp_path: Path) -> None:
    turned = coco(TRAIN, shape=BOX)
    for annotation in turned["annotations"]:
        annotation["category_id"] = CATEGORIES[0]["id"]
    files = {**images(TRAIN), "instances.json": as_json(turned), "labels.json": as_json(coco(TRAIN))}
    outcome = take_in(tmp_path, files)
    assert_right(outcome, TRAIN, given=())
    assert texts(outcome, "warning") == []


@pytest.mark.parametrize("shape", [{}, BOX], ids=["whole images", "boxes"])
def test_few_images_of_several_classes_or_none_are_left_out_and_said(tmp_path: Path, shape: dict[str, Any]) -> None:
    content = coco(TRAIN, shape=shape)
    content["annotations"][3] = {**content["annotations"][3], "image_id": 100}
    content["annotations"][3]["category_id"] = NUMBERS["owl"]
    outcome = take_in(tmp_path, {**images(TRAIN), "labels.json": as_json(content)})
    assert_right(outcome, [sample for at, sample in enumerate(TRAIN) if at not in {0, 3}], given=())
    assert outcome.reasons[f"images/{TRAIN[0].name}"] == "has several classes (cat, owl)"
    unlabelled = f"images/{TRAIN[3].name}"
    assert outcome.reasons[unlabelled] == f"{unlabelled!r} has no label (image 103 of 'labels.json')"
    told = texts(outcome, "warning")
    assert any(f"images/{TRAIN[0].name} (cat, owl)" in text for text in told)
    assert any("labels.json: 1 of 59 rows have no label: image 103." in text for text in told)


@pytest.mark.parametrize(
    ("shape", "message"),
    [({}, "60 of 60 images have several classes"), (BOX, "boxes or outlines in the images.*show several classes")],
)
def test_many_images_of_several_classes_are_refused(tmp_path: Path, shape: dict[str, Any], message: str) -> None:
    content = coco(TRAIN, shape=shape)
    content["annotations"] += [
        {**each, "category_id": NUMBERS[name]} for each in content["annotations"] for name in CLASSES
    ]
    with pytest.raises(DatasetNotUnderstood, match=message):
        take_in(tmp_path, {**images(TRAIN), "labels.json": as_json(content)})


def test_detection_is_not_taken_for_folders_of_cameras(tmp_path: Path) -> None:
    """The folders look like classes; the annotations say that they are none."""
    content = coco(TRAIN, shape=BOX)
    content["annotations"] += [{**each, "category_id": NUMBERS["owl"]} for each in content["annotations"]]
    files = images(TRAIN, lambda sample: f"camera {sample.number % 2}/")
    with pytest.raises(DatasetNotUnderstood, match="take the annotations out, if the folders are the classes"):
        take_in(tmp_path, {**files, "labels.json": as_json(content)})


def test_what_refers_to_nothing_is_told(tmp_path: Path) -> None:
    content = coco(TRAIN)
    content["annotations"][0]["category_id"] = 99
    content["annotations"][1]["image_id"] = 999
    content["images"].append({**content["images"][5], "file_name": TRAIN[6].name})
    content["images"].append({"id": 555, "file_name": "nowhere.png"})
    outcome = take_in(tmp_path, {**images(TRAIN), "labels.json": as_json(content)})
    assert_right(outcome, [sample for at, sample in enumerate(TRAIN) if at not in {0, 1, 5}], given=())
    told = [text.partition(": ")[2] for text in texts(outcome, "warning")]
    assert told == [
        "several images have the same id, and are left out: 105. Give them ids of their own.",
        "1 of 60 annotations are of images that it does not list, and are left out: 1.",
        "1 of 60 annotations are of categories that it does not list, and are left out: 0.",
        "1 of 61 rows name no image of the upload: image 555. Add the images, or take the rows out.",
        "3 of 61 rows have no label: image 100, image 101, image 105. Their images are left out.",
    ]


def test_categories_of_the_same_id_are_refused(tmp_path: Path) -> None:
    content = coco(TRAIN)
    content["categories"] = [*CATEGORIES, {**CATEGORIES[0], "name": "bat"}]
    with pytest.raises(DatasetNotUnderstood, match="several categories have the same id: 1"):
        take_in(tmp_path, {**images(TRAIN), "labels.json": as_json(content)})


def test_a_class_without_images_is_told(tmp_path: Path) -> None:
    content = coco(TRAIN) | {"categories": [*CATEGORIES, {"id": 77, "name": "bat"}]}
    outcome = take_in(tmp_path, {**images(TRAIN), "labels.json": as_json(content)})
    assert texts(outcome, "note") == ["No image is of these declared classes: bat."]


def test_images_that_are_not_in_the_document_are_told(tmp_path: Path) -> None:
    outcome = take_in(tmp_path, {**images(TRAIN), "labels.json": as_json(coco(TRAIN[:50]))})
    assert_right(outcome, TRAIN[:50], given=())
    assert outcome.reasons[f"images/{TRAIN[55].name}"] == "named in no annotation"
    assert "10 of 60 images are named in no annotation and are left out: in images." in texts(outcome, "warning")[0]


def test_more_images_without_annotations_than_with(tmp_path: Path) -> None:
    """The test images of a competition, whose annotations are not given."""
    secret = {f"test/{number}.png": archives.picture(number) for number in range(200)}
    files = images(TRAIN, lambda _sample: "train/") | {"train.json": as_json(coco(TRAIN))}
    outcome = take_in(tmp_path, files | secret)
    assert_right(outcome, TRAIN, given=())
    assert any("200 of 260 images are named in no annotation" in text for text in texts(outcome, "warning"))


def test_a_document_of_other_images_leaves_class_folders_what_they_are(tmp_path: Path) -> None:
    files = images(TRAIN, lambda sample: f"{sample.label}/")
    outcome = take_in(tmp_path, {**files, "labels.json": as_json(coco(ALL[-3:]))})
    assert_right(outcome, TRAIN, given=())
    assert outcome.report.layout == "class folders"
    assert outcome.report.findings == ()
    assert outcome.reasons == {"labels.json": "of the format COCO JSON, and names none of the images"}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (coco(ALL[-3:]), "names none of the images"),
        (coco(TRAIN) | {"annotations": []}, "says no class of any image"),
    ],
    ids=["other images", "no annotations"],
)
def test_a_document_that_says_nothing_is_named_where_there_is_nothing_else(
    tmp_path: Path, content: dict[str, Any], why: str
) -> None:
    with pytest.raises(DatasetTooSmall, match=rf"labels\.json is of the format COCO JSON, and {why}\."):
        take_in(tmp_path, {**images(TRAIN), "labels.json": as_json(content)})


def test_of_many_documents_that_say_nothing_some_are_named(tmp_path: Path) -> None:
    """One an image, for instance: the message had a sentence on each."""
    documents = {f"{number}.json": as_json(coco(ALL[-3:])) for number in range(100)}
    with pytest.raises(DatasetTooSmall, match="and 95 more") as refused:
        take_in(tmp_path, {**images(TRAIN), **documents})
    assert str(refused.value).count("names none of the images.") == 5


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_document_as_windows_writes_it(tmp_path: Path, encoding: str) -> None:
    content = as_json(coco(TRAIN)).decode().encode(encoding)
    assert_right(take_in(tmp_path, {**images(TRAIN), "labels.json": content}), TRAIN, given=())


def test_whole_numbers_that_were_written_with_a_fraction(tmp_path: Path) -> None:
    """As pandas does where a column has gaps."""
    content = coco(TRAIN)
    for annotation in content["annotations"]:
        annotation |= {name: float(annotation[name]) for name in ("image_id", "category_id")}
    outcome = take_in(tmp_path, {**images(TRAIN), "labels.json": as_json(content)})
    assert_right(outcome, TRAIN, given=())
    assert outcome.report.findings == ()


@pytest.mark.parametrize(
    ("data", "reason"),
    [(as_json(coco(TRAIN[:9])), "it names 9 of 60 images"), (as_json(coco(TRAIN))[:-9], "not JSON: line ")],
    ids=["partial", "broken"],
)
def test_a_document_that_is_of_no_use_beside_class_folders_is_told(tmp_path: Path, data: bytes, reason: str) -> None:
    files = images(TRAIN, lambda sample: f"{sample.label}/")
    outcome = take_in(tmp_path, {**files, "labels.json": data})
    assert_right(outcome, TRAIN, given=())
    (told,) = texts(outcome, "warning")
    assert told.startswith(f"labels.json is not used: {reason}")


def test_labels_against_the_folders_are_refused(tmp_path: Path) -> None:
    turned = dict(zip(CLASSES, ("dog", "owl", "cat"), strict=True))
    files = images(TRAIN, lambda sample: f"{turned[sample.label]}/")
    with pytest.raises(DatasetNotUnderstood, match="60 of 60 rows say something else than the folders"):
        take_in(tmp_path, {**files, "labels.json": as_json(coco(TRAIN))})
