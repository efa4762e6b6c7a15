"""Splits that tables tell: as a column, as a table each, or not at all."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.exports.documents import Cells, as_json, images, table
from benchmarks.exports.samples import NUMBERS, Sample, samples
from tests.trainer.intake.layouts.annotations.uploads import texts, upload_of
from tests.trainer.intake.samples import assert_right, take_in
from trainer.intake.layouts.tables.table_layout import TableLayout
from trainer.intake.placement import Placement, Split

ALL = samples()
TRAIN = samples(splits=["train"], each=20)
PATHS = [f"images/{number}.png" for number in range(20)]


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        (["file", "label", "split"], lambda s: (s.name, s.label, s.split)),
        (["file", "label", "Data Set"], lambda s: (s.name, s.label, f"{s.split.upper()}ING")),
        (["ml_use", "file", "label"], lambda s: ({"val": "validation"}.get(s.split, s.split), s.name, s.label)),
    ],
)
def test_splits_may_be_a_column(tmp_path: Path, header: list[str], cells: Cells) -> None:
    found = samples(splits=["train", "test"]) if header[2] == "Data Set" else ALL
    outcome = take_in(tmp_path, {**images(found), "labels.csv": table(found, cells, header=header).encode()})
    assert_right(outcome, found, given=("train", "test") if header[2] == "Data Set" else ("train", "val", "test"))


@pytest.mark.parametrize(("share", "given"), [(8, ("train", "val")), (13, ())])
def test_valid_is_a_split_where_few_images_are(tmp_path: Path, share: int, given: tuple[Split, ...]) -> None:
    """As in tables of fastai. Where most are valid, it says that they are sound."""
    found = [*samples(splits=["train"], each=12), *samples(splits=["val"], each=share)]
    data = table(found, lambda s: (s.name, s.label, s.split == "val"), header=["fname", "labels", "is_valid"])
    outcome = take_in(tmp_path, {**images(found), "labels.csv": data.encode()})
    assert_right(outcome, found, given=given)
    assert all(counts["test"] for counts in outcome.report.counts.values())


@pytest.mark.parametrize(("name", "yes"), [("is_training_image", "train"), ("is_test", "test")])
def test_a_split_may_be_yes_or_no(tmp_path: Path, name: str, yes: str) -> None:
    found = samples(splits=["train", "test"])
    data = table(found, lambda s: (s.name, s.label, str(int(s.split == yes))), header=["file", "label", name])
    assert_right(take_in(tmp_path, {**images(found), "labels.csv": data.encode()}), found, given=("train", "test"))


def test_folders_of_splits_stay_what_they_are_under_a_table(tmp_path: Path) -> None:
    """As Kaggle, Roboflow and others give it: `train/*.jpg`, `test/*.jpg` and one table of labels."""
    data = table(ALL, lambda s: (s.name, s.label), header=["id", "label"])
    outcome = take_in(tmp_path, {**images(ALL, lambda s: f"{s.split}_images/"), "labels.csv": data.encode()})
    assert_right(outcome, ALL)
    assert outcome.report.findings == ()


@pytest.mark.parametrize("where", ["{split}/labels.csv", "{split}.csv", "meta/{split}_labels.csv"])
@pytest.mark.parametrize("folder", ["{split}/", "images/"])
def test_a_table_a_split(tmp_path: Path, where: str, folder: str) -> None:
    files = images(ALL, lambda s: folder.format(split=s.split))
    if where.startswith("{split}/") and folder == "images/":
        files = images(ALL, lambda s: f"{s.split}/images/")
    for split in ("train", "val", "test"):
        found = [s for s in ALL if s.split == split]
        files[where.format(split=split)] = table(found, lambda s: (s.name, s.label), header=["file", "label"]).encode()
    outcome = take_in(tmp_path, files)
    assert_right(outcome, ALL)
    assert outcome.report.skipped == ()


def test_tables_whose_images_have_the_same_names(tmp_path: Path) -> None:
    """`1.png` is in every split's folder; each table means those beside it."""
    files: dict[str, bytes] = {}
    for split in ("train", "val", "test"):
        found = [s for s in ALL if s.split == split]
        files |= {f"{split}/images/{at}.png": s.data for at, s in enumerate(found)}
        numbered = {s.name: at for at, s in enumerate(found)}
        files[f"{split}/labels.csv"] = table(found, lambda s, at=numbered: (f"{at[s.name]}.png", s.label)).encode()  # type: ignore[misc]  # mypy cannot infer a lambda's default
    assert_right(take_in(tmp_path, files), ALL)


def test_the_labels_of_the_test_images_are_not_given(tmp_path: Path) -> None:
    """A Kaggle competition: more test images than training images, and a submission with made-up labels."""
    secret = samples(splits=["test"], each=40)
    files = {
        **images(TRAIN, lambda _s: "train/"),
        **{f"test/{s.name}": s.data for s in secret},
        "train.csv": table(TRAIN, lambda s: (s.name[:-4], s.label), header=["id", "target"]).encode(),
        "test.csv": table(secret, lambda s: (s.name[:-4],), header=["id"]).encode(),
        "sample_submission.csv": table(secret, lambda s: (s.name[:-4], "cat"), header=["id", "target"]).encode(),
    }
    outcome = take_in(tmp_path, files)
    assert_right(outcome, TRAIN, given=())
    assert any("120 of 180 images" in text for text in texts(outcome, "warning"))
    assert "made up" in outcome.reasons["sample_submission.csv"]


def test_a_table_of_one_split_and_class_folders_for_the_other(tmp_path: Path) -> None:
    """As in Tiny ImageNet."""
    train, val, test = ([s for s in ALL if s.split == split] for split in ("train", "val", "test"))
    rows = table(val, lambda s: (s.name, s.label, str(s.number), "0", "61", "62"), delimiter="\t")
    files = {
        **images(train, lambda s: f"tiny/train/{s.label}/images/"),
        **images(val, lambda s: "tiny/val/images/"),
        **images(test, lambda s: "tiny/test/images/"),
        "tiny/val/val_annotations.txt": rows.encode(),
    }
    outcome = take_in(tmp_path, files)
    assert_right(outcome, [*train, *val], given=("train", "val"))
    assert texts(outcome, "note") == ["24 images are in no table of labels; their class is that of their folder."]
    assert [text.partition(":")[0] for text in texts(outcome, "warning")] == [
        "24 of 72 images are in no table of labels and are left out"
    ]


def test_a_list_of_splits_that_is_not_understood_is_said(tmp_path: Path) -> None:
    rows = "\n".join(f"{at} {at % 2}" for at, _ in enumerate(ALL))
    outcome = take_in(tmp_path, {**images(ALL, lambda s: f"{s.label}/"), "train_test_split.txt": rows.encode()})
    assert "train_test_split.txt seems to tell splits and is not understood" in texts(outcome, "warning")[0]


@pytest.mark.parametrize("suffix", ["", ".png"])
def test_lists_of_the_images_of_each_split_over_class_folders(tmp_path: Path, suffix: str) -> None:
    files = images(ALL, lambda s: f"images/{s.label}/")
    for split in ("train", "val", "test"):
        names = [f"{s.label}/{s.name[:-4]}{suffix}" for s in ALL if s.split == split]
        files[f"meta/{split}.txt"] = "\n".join(names).encode()
    outcome = take_in(tmp_path, files)
    assert_right(outcome, ALL)
    assert outcome.report.findings == ()


def test_a_table_of_other_splits_than_the_folders_is_told(tmp_path: Path) -> None:
    moved = {"train": "train", "val": "test", "test": "test"}
    data = table(ALL, lambda s: (s.name, s.label, moved[s.split]), header=["file", "label", "split"])
    outcome = take_in(tmp_path, {**images(ALL, lambda s: f"{s.split}/"), "labels.csv": data.encode()})
    (told,) = texts(outcome, "warning")
    assert "24 of 72 rows name another split than the folder" in told
    assert {got for (_, got), true in outcome.images if true.split == "val"} == {"test"}


def test_images_to_predict_may_lie_among_the_others(tmp_path: Path) -> None:
    """As in Plant Pathology: one folder, and a table of each kind."""
    secret = samples(splits=["test"], each=40)
    files = {
        **images([*TRAIN, *secret]),
        "train.csv": table(TRAIN, lambda s: (s.stem, s.label), header=["image_id", "label"]).encode(),
        "test.csv": table(secret, lambda s: (s.stem,), header=["image_id"]).encode(),
    }
    outcome = take_in(tmp_path, files)
    assert_right(outcome, TRAIN, given=())
    assert outcome.reasons[f"images/{secret[0].name}"] == "in no table of labels"


def test_a_list_of_all_images_does_not_hide_those_of_the_splits(tmp_path: Path) -> None:
    """As in the pets of Oxford: lines of a name and three numbers, a heading after a sign, and a list of all."""
    found = samples(splits=["train", "test"])

    def lines(part: list[Sample]) -> str:
        return "\n".join(f"{s.stem} {1 + NUMBERS[s.label]} 1 {1 + s.number % 2}" for s in part)

    files = images(found) | {"annotations/all.txt": f"#Image CLASS-ID SPECIES\n{lines(found)}".encode()}
    for split in ("test", "train"):
        files[f"annotations/{split}.txt"] = lines([s for s in found if s.split == split]).encode()
    outcome = take_in(tmp_path, files)
    assert_right(outcome, found, given=("train", "test"), names=("1", "2", "3"))
    told = texts(outcome, "warning")
    assert len(told) == 3
    assert all("taken from column 2; column 4 might be meant" in text for text in told)


@pytest.mark.parametrize(
    "entry", [lambda s: [s.name, s.label], lambda s: [f"images/{s.name}", NUMBERS[s.label], s.label]]
)
def test_lists_of_a_file_and_its_class_a_split(tmp_path: Path, entry: Callable[[Sample], list[object]]) -> None:
    """As in CoOp, which puts the number of the class between both."""
    content = {split: [entry(s) for s in ALL if s.split == split] for split in ("train", "val", "test")}
    assert_right(take_in(tmp_path, {**images(ALL), "split.json": as_json(content)}), ALL)


def test_splits_of_one_table_are_placements() -> None:
    splits: list[Split] = ["train", "val", "test"]
    rows = "\n".join(f"{path},{'ab'[at % 2]},{splits[at % 3]}" for at, path in enumerate(PATHS))
    upload = upload_of({"x.csv": f"file,label,split\n{rows}".encode()}, PATHS)
    assert TableLayout().read(upload).placements == {
        tuple(path.split("/")): Placement(label="ab"[at % 2], split=splits[at % 3]) for at, path in enumerate(PATHS)
    }
