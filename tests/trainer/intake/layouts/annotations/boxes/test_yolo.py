"""YOLO: texts of boxes beside images, in every folder in which tools put them."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from benchmarks.exports.documents import images
from benchmarks.exports.samples import CLASSES, NUMBERS, Sample, samples
from tests.trainer.intake.layouts.annotations.uploads import texts
from tests.trainer.intake.samples import assert_right, take_in
from trainer.errors import DatasetNotUnderstood

ALL = samples()
TRAIN = samples(splits=["train"], each=20)
BOX = "0.5 0.5 0.25 0.3"
Place = Callable[[Sample], str]


def boxes(found: Sequence[Sample], place: Place, *more: int, box: str = BOX) -> dict[str, bytes]:
    return {
        f"{place(sample)}{sample.name.removesuffix('.png')}.txt": "\n".join(
            f"{number} {box}" for number in (NUMBERS[sample.label], NUMBERS[sample.label], *more)
        ).encode()
        for sample in found
    }


@pytest.mark.parametrize(
    ("pictures", "labels"),
    [
        (lambda s: f"images/{s.split}/", lambda s: f"labels/{s.split}/"),
        (lambda s: f"{s.split}/images/", lambda s: f"{s.split}/labels/"),
        (lambda s: f"obj_{s.split}_data/", lambda s: f"obj_{s.split}_data/"),
    ],
    ids=["Ultralytics", "Roboflow", "Darknet"],
)
@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("data.yaml", "path: x\nnc: 3\nnames: ['cat', \"dog\", owl]\n"),
        ("data.yaml", "names:\n  0: cat\n  1: 'dog'\n  2: owl\ntrain: x\n"),
        ("dataset.yml", "train: x\nnames:\n- cat\n- dog\n- owl\n"),
        ("data.yaml", "names: {0: cat, 1: dog, 2: 'owl'}\n"),
        ("data.yaml", "names: # of nc\n  0: cat  # a #1\n\n  # more\n  1: \"dog\"\n  2: 'owl' # last\nnc: 3\n"),
        ("data.yaml", "names:\n  2: owl\n  0: cat\n  1: dog\n"),
        ("data.yaml", 'names: {"2": owl,\n  "0": cat, "1": dog}\n'),
        ("data.yaml", "names: [\n  'cat',  # 0, the cat's\n  dog, # 1\n  owl # 2\n]\n"),
        ("data.yaml", "names: {\n  0: cat, # first\n  1: dog,\n  # 2: cow\n  2: 'owl' # last\n}\n"),
        ("classes.txt", "cat\ndog\nowl\n"),
        ("obj.names", "cat\r\ndog\r\nowl\r\n"),
        ("train/_darknet.labels", "cat\ndog\nowl"),
    ],
)
def test_boxes_of_one_class_an_image_are_taken_and_said(
    tmp_path: Path, pictures: Place, labels: Place, name: str, names: str
) -> None:
    outcome = take_in(tmp_path, {**images(ALL, pictures), **boxes(ALL, labels), name: names.encode()})
    assert_right(outcome, ALL)
    assert outcome.report.layout == "YOLO"
    assert len(texts(outcome, "warning")) == 1
    assert outcome.report.skipped == ()


def test_the_same_names_in_every_split(tmp_path: Path) -> None:
    numbers = {sample.name: sample.number + 100 * NUMBERS[sample.label] for sample in ALL}
    files = images(ALL, lambda s: f"images/{s.split}/{numbers[s.name]}.png")
    for sample in ALL:
        files[f"labels/{sample.split}/{numbers[sample.name]}.txt"] = f"{NUMBERS[sample.label]} {BOX}".encode()
    assert_right(take_in(tmp_path, {**files, "classes.txt": "\n".join(CLASSES).encode()}), ALL)


@pytest.mark.parametrize("box", [BOX, "0.1 0.1 0.2 0.1 0.2 0.2 0.1 0.2", "0.5 0.5 1e-3 0.25 0.9"])
def test_one_image_of_two_classes_is_enough_to_refuse(tmp_path: Path, box: str) -> None:
    """Not folders of splits without classes, as which it would be refused with another reason."""
    labels = boxes(TRAIN, lambda _s: "train/labels/", box=box) | boxes(
        TRAIN[:1], lambda _s: "train/labels/", 2, box=box
    )
    with pytest.raises(DatasetNotUnderstood, match=r"1 of 60 images show several classes: .* \(class 0, class 2\)"):
        take_in(tmp_path, {**images(TRAIN, lambda _sample: "train/images/"), **labels})


def test_images_without_boxes_are_left_out_and_said(tmp_path: Path) -> None:
    files = {**images(TRAIN), **boxes(TRAIN, lambda _sample: "labels/")}
    files[f"labels/{TRAIN[0].name.removesuffix('.png')}.txt"] = b"\n"
    outcome = take_in(tmp_path, {**files, "classes.txt": "\n".join(CLASSES).encode()})
    assert_right(outcome, TRAIN[1:], given=())
    assert any("labels/*.txt: 1 of 60 rows have no label" in text for text in texts(outcome, "warning"))


def test_texts_that_are_no_boxes_leave_class_folders_what_they_are(tmp_path: Path) -> None:
    files = images(TRAIN, lambda sample: f"{sample.label}/")
    captions = {name.replace(".png", ".txt"): b"0 a cat on a mat" for name in files}
    outcome = take_in(tmp_path, files | captions)
    assert_right(outcome, TRAIN, given=())
    assert outcome.report.layout == "class folders"


def test_numbers_that_do_not_begin_with_0_and_have_gaps(tmp_path: Path) -> None:
    files = images(TRAIN, lambda _sample: "images/")
    for sample in TRAIN:
        number = {"cat": 1, "dog": 2, "owl": 7}[sample.label]
        files[f"labels/{sample.stem}.txt"] = f"{number} {BOX}".encode()
    names = b"names:\n  1: cat\n  2: dog's #1\n  7: 'owl''s'\n"
    outcome = take_in(tmp_path, {**files, "data.yaml": names})
    assert outcome.report.classes == ("cat", "dog's", "owl's")
    assert {(got, true.label) for (got, _), true in outcome.images} == {
        ("cat", "cat"),
        ("dog's", "dog"),
        ("owl's", "owl"),
    }


@pytest.mark.parametrize("line", ["images/{}", "C:\\data\\images\\{}", "/content/images/{}"])
def test_lists_of_images_tell_the_splits(tmp_path: Path, line: str) -> None:
    files = {**images(ALL, lambda _s: "images/"), **boxes(ALL, lambda _s: "labels/"), "classes.txt": b"cat\ndog\nowl"}
    for split, name in (("train", "train.txt"), ("val", "valid.txt"), ("test", "test2017.txt")):
        lines = "\r\n".join(line.format(sample.name) for sample in ALL if sample.split == split)
        files[name] = b"\xef\xbb\xbf" + lines.encode()
    assert_right(take_in(tmp_path, files), ALL)


def test_an_image_in_the_lists_of_several_splits_is_of_none(tmp_path: Path) -> None:
    files = {**images(TRAIN), **boxes(TRAIN, lambda _s: "labels/"), "classes.txt": b"cat\ndog\nowl"}
    everything = "\n".join(sample.name for sample in TRAIN).encode()
    outcome = take_in(tmp_path, {**files, "train.txt": everything, "val.txt": everything})
    assert_right(outcome, TRAIN, given=())
    assert any(text.startswith("60 images are in the lists of several splits") for text in texts(outcome, "warning"))


def test_a_mark_before_the_first_box_is_no_part_of_it(tmp_path: Path) -> None:
    files = {**images(TRAIN), "classes.txt": "\n".join(CLASSES).encode()}
    marked = {name: b"\xef\xbb\xbf" + text for name, text in boxes(TRAIN, lambda _s: "labels/").items()}
    assert_right(take_in(tmp_path, files | marked), TRAIN, given=())
