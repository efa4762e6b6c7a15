"""Tables of labels in every form that people have them, and every way such a table can be wrong."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.exports.documents import Cells, as_json, images, table
from benchmarks.exports.layouts.tables import ROLES, forms, named
from benchmarks.exports.samples import CLASSES, NUMBERS, Sample, samples
from tests.trainer.intake.layouts.annotations.uploads import texts, upload_of
from tests.trainer.intake.samples import assert_right, take_in
from trainer.errors import DatasetNotUnderstood, DatasetTooSmall
from trainer.intake.layouts.tables.table_layout import TableLayout
from trainer.intake.layouts.tables.tables import read_tables
from trainer.intake.placement import Placement, Split

ALL = samples()
TRAIN = samples(splits=["train"], each=20)


@pytest.mark.parametrize("form", forms(TRAIN))
def test_every_form_of_a_table_says_the_same(tmp_path: Path, form: str) -> None:
    name, data = forms(TRAIN)[form]
    outcome = take_in(tmp_path, {**images(TRAIN), name: data})
    assert_right(outcome, TRAIN, given=())
    assert outcome.report.skipped == ()
    assert outcome.report.findings == ()
    assert outcome.report.layout == "table of labels"


def test_a_table_and_class_folders_are_one_dataset(tmp_path: Path) -> None:
    folders = take_in(tmp_path, images(TRAIN, lambda sample: f"{sample.label}/"))
    assert folders.report.digest == take_in(tmp_path, {**images(TRAIN), **dict([forms(TRAIN)["CSV"]])}).report.digest


@pytest.mark.parametrize("role", ROLES)
def test_columns_are_told_by_their_role(tmp_path: Path, role: str) -> None:
    header, cells = ROLES[role]
    outcome = take_in(tmp_path, {**images(TRAIN), "labels.csv": table(TRAIN, cells, header=header).encode()})
    assert_right(outcome, TRAIN, given=())
    assert outcome.report.findings == ()


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


def test_a_first_row_that_names_an_image_is_no_header(tmp_path: Path) -> None:
    """Columns may be called train and test as well."""
    data = table(ALL, lambda s: (s.split, s.name, s.label))
    outcome = take_in(tmp_path, {**images(ALL), "labels.csv": data.encode()})
    assert_right(outcome, ALL)
    assert outcome.report.findings == ()


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


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("classes.csv", "class_id,name\n0,cat\n1,dog\n2,owl\n3,unused\n"),
        ("label_map.json", json.dumps({"0": "cat", "1": "dog", "2": "owl"})),
        ("labels.txt", "cat\ndog\nowl\n"),
        ("classes.json", json.dumps(["cat", "dog", "owl"])),
    ],
)
def test_the_names_of_numbered_classes_may_be_elsewhere(tmp_path: Path, name: str, data: str) -> None:
    numbered = table(TRAIN, lambda s: (s.name, str(CLASSES.index(s.label))), header=["file", "label"])
    outcome = take_in(tmp_path, {**images(TRAIN), "train.csv": numbered.encode(), name: data.encode()})
    assert_right(outcome, TRAIN, given=())
    assert texts(outcome, "note") == [f"The names of the classes are taken from {name}."]
    assert outcome.report.skipped == ()


def test_columns_may_be_in_another_table(tmp_path: Path) -> None:
    numbers = {s.name: str(at + 1000) for at, s in enumerate(ALL)}
    files = {
        **images(ALL),
        "images.csv": table(ALL, lambda s: (numbers[s.name], s.name), header=["image_nr", "path"]).encode(),
        "labels.csv": table(ALL[::-1], lambda s: (s.label, numbers[s.name]), header=["class", "image_nr"]).encode(),
        "splits.csv": table(ALL, lambda s: (numbers[s.name], s.split), header=["image_nr", "split"]).encode(),
    }
    outcome = take_in(tmp_path, files)
    assert_right(outcome, ALL)
    assert outcome.report.skipped == ()


@pytest.mark.parametrize("names", ["classes.txt", None])
def test_lists_of_numbered_images(tmp_path: Path, names: str | None) -> None:
    """As in CUB-200: images, their classes, the classes' names and the splits, each by number, with blanks between."""
    found = samples(splits=["train", "test"])
    lists = {
        "images.txt": (f"{at} {s.label}/{s.name}" for at, s in enumerate(found, 1)),
        "image_class_labels.txt": (f"{at} {1 + CLASSES.index(s.label)}" for at, s in enumerate(found, 1)),
        "train_test_split.txt": (f"{at} {int(s.split == 'train')}" for at, s in enumerate(found, 1)),
    }
    if names is not None:
        lists[names] = (f"{at} {name}" for at, name in enumerate(CLASSES, 1))
    files = images(found, lambda s: f"cub/images/{s.label}/")
    files |= {f"cub/{name}": "\n".join(lines).encode() for name, lines in lists.items()}
    outcome = take_in(tmp_path, files)
    assert_right(outcome, found, given=("train", "test"), names=CLASSES)
    assert texts(outcome, "warning") == []


@pytest.mark.parametrize("name", ["a {}.png", "{}.png"])
@pytest.mark.parametrize("label", ["{}", "a {}"])
def test_blanks_between_image_and_label(tmp_path: Path, name: str, label: str) -> None:
    named = {s.name: name.format(at) for at, s in enumerate(TRAIN)}
    rows = "\n".join(f"{named[s.name]} {label.format(s.label)}" for s in TRAIN)
    files = {f"images/{named[s.name]}": s.data for s in TRAIN} | {"labels.txt": rows.encode()}
    if name.startswith("a") and label.startswith("a"):
        with pytest.raises(DatasetTooSmall):  # where the label starts cannot be told
            take_in(tmp_path, files)
    else:
        names = [label.format(each) for each in CLASSES]
        assert_right(take_in(tmp_path, files), TRAIN, given=(), names=names)


def test_rows_that_say_nothing_usable_are_told_with_their_lines(tmp_path: Path) -> None:
    rows = [["file", "label"], *([s.name, s.label] for s in TRAIN)]
    rows[3] = ["nowhere.png", "cat"]
    rows[4] = [TRAIN[3].name, ""]
    rows[5] = [*rows[5], "more"]
    rows += [[TRAIN[6].name, "owl"], [TRAIN[7].name, TRAIN[7].label]]
    data = "\n".join(",".join(row) for row in rows)
    outcome = take_in(tmp_path, {**images(TRAIN), "labels.csv": data.encode(), "notes.csv": b"a,b\n1,2\n"})
    assert_right(outcome, [s for at, s in enumerate(TRAIN) if at not in {2, 3, 4, 6}], given=())
    assert [skip.reason for skip in outcome.report.skipped if skip.file == "labels.csv"] == [
        "line 4: no image 'nowhere.png' in the archive",
        f"line 5: '{TRAIN[3].name}' has no label",
        "line 62: " + repr(TRAIN[6].name) + " is said to be something else in 'labels.csv', line 8",
        "line 6: more cells than there are columns",
    ]
    assert [text.split(". ")[0] for text in texts(outcome, "warning")] == [
        "labels.csv: 1 of 62 rows say something else of an image than one before: line 62",
        "labels.csv: 1 of 62 rows have more cells than there are columns: line 6",
        "labels.csv: 1 of 62 rows name no image of the upload: line 4",
        "labels.csv: 1 of 62 rows have no label: line 5",
        "4 of 60 images are in no table of labels and are left out: in images",
    ]
    assert texts(outcome, "note") == ["labels.csv: 1 of 62 rows name an image again, and say the same: line 63."]
    assert outcome.reasons[f"images/{TRAIN[6].name}"] == "not in labels.csv"
    assert outcome.reasons["notes.csv"] == "not used as a table of labels: no column names images of the archive"


def test_a_table_against_the_folders_is_told(tmp_path: Path) -> None:
    files = images(TRAIN, lambda s: f"train/{s.label}/")
    wrong = {TRAIN[0].name, TRAIN[1].name}
    data = table(TRAIN, lambda s: (s.name, "dog" if s.name in wrong else s.label), header=["file", "label"])
    (told,) = texts(take_in(tmp_path, {**files, "labels.csv": data.encode()}), "warning")
    assert told.startswith(
        "labels.csv: 2 of 60 rows say something else than the folders of their images: line 2 (train/cat/"
    )
    turned = dict(zip(CLASSES, ("dog", "owl", "cat"), strict=True))
    data = table(TRAIN, lambda s: (s.name, turned[s.label]), header=["file", "label"])
    with pytest.raises(DatasetNotUnderstood, match="60 of 60 rows say something else"):
        take_in(tmp_path, {**files, "labels.csv": data.encode()})


def test_a_table_that_renames_the_folders_does_not_contradict_them(tmp_path: Path) -> None:
    files = images(TRAIN, lambda s: f"n{CLASSES.index(s.label)}/")
    outcome = take_in(tmp_path, {**files, "labels.csv": table(TRAIN, lambda s: (s.name, s.label)).encode()})
    assert_right(outcome, TRAIN, given=())
    assert outcome.report.findings == ()


def test_a_table_of_other_splits_than_the_folders_is_told(tmp_path: Path) -> None:
    moved = {"train": "train", "val": "test", "test": "test"}
    data = table(ALL, lambda s: (s.name, s.label, moved[s.split]), header=["file", "label", "split"])
    outcome = take_in(tmp_path, {**images(ALL, lambda s: f"{s.split}/"), "labels.csv": data.encode()})
    (told,) = texts(outcome, "warning")
    assert "24 of 72 rows name another split than the folder" in told
    assert {got for (_, got), true in outcome.images if true.split == "val"} == {"test"}


def test_a_prefix_that_speaks_against_the_image_is_no_match(tmp_path: Path) -> None:
    """The table speaks of test images, which are not there; training images have the same names."""
    data = table(TRAIN, lambda s: (f"data/test/{s.name}", CLASSES[0]), header=["file", "label"])
    outcome = take_in(tmp_path, {**images(TRAIN, lambda s: f"data/train/{s.label}/"), "labels.csv": data.encode()})
    assert_right(outcome, TRAIN, given=())


def test_a_table_that_might_tell_classes_gives_way_to_one_that_does(tmp_path: Path) -> None:
    """As in ISIC: the diagnoses are one table, the patients another."""
    header, cells = ROLES["one-hot"]
    about = table(TRAIN, lambda s: (s.stem, ("torso", "head")[s.number % 2]), header=["image", "site"]).encode()
    files = {"a_metadata.csv": about, "truth.csv": table(TRAIN, cells, header=header).encode()}
    outcome = take_in(tmp_path, {**images(TRAIN), **files})
    assert_right(outcome, TRAIN, given=())
    assert outcome.weights == ["note"]
    assert outcome.report.findings[0].text == (
        "a_metadata.csv is not used: none of its columns is taken as the class, which another table tells."
    )


def test_a_table_that_might_tell_classes_gives_way_to_class_folders(tmp_path: Path) -> None:
    about = table(TRAIN, lambda s: (s.name, "AB"[s.number % 2]), header=["file_name", "camera"]).encode()
    outcome = take_in(tmp_path, {**images(TRAIN, lambda s: f"{s.label}/"), "metadata.csv": about})
    assert_right(outcome, TRAIN, given=())
    assert [(each.weight, each.text) for each in outcome.report.findings] == [
        ("note", "metadata.csv is not used: none of its columns is taken as the class, which folders tell.")
    ]


def test_of_two_columns_that_might_tell_classes_none_is_taken(tmp_path: Path) -> None:
    data = table(TRAIN, lambda s: (s.name, "ab"[s.number % 2], s.label), header=["img", "quality", "animal"]).encode()
    with pytest.raises(DatasetNotUnderstood, match="any of the columns quality, animal may be the class"):
        take_in(tmp_path, {**images(TRAIN), "labels.csv": data})
    named = data.replace(b"animal", b"animal_class")
    assert_right(take_in(tmp_path, {**images(TRAIN), "labels.csv": named}), TRAIN, given=())


def test_what_programs_write_for_nothing_is_no_label(tmp_path: Path) -> None:
    data = table(TRAIN, lambda s: (s.name, s.label if s.number else "NaN"), header=["file", "label"]).encode()
    outcome = take_in(tmp_path, {**images(TRAIN), "labels.csv": data})
    assert_right(outcome, [s for s in TRAIN if s.number], given=())
    assert any("3 of 60 rows have no label" in text for text in texts(outcome, "warning"))


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


@pytest.mark.parametrize(
    "row", [lambda s: (NUMBERS[s.label], *range(64)), lambda s: (NUMBERS[s.label], " ".join(map(str, range(64))))]
)
def test_pixels_in_a_table_are_told(tmp_path: Path, row: Cells) -> None:
    with pytest.raises(DatasetTooSmall, match="its rows seem to be the pixels of images: save each as"):
        take_in(tmp_path, {"train.csv": table(TRAIN, row).encode()})


def test_two_tables_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    turned = dict(zip(CLASSES, ("dog", "owl", "cat"), strict=True))
    other = table(TRAIN, lambda s: (s.name, turned[s.label]), header=["file", "label"])
    files = {**images(TRAIN), **dict([forms(TRAIN)["CSV"]]), "old.csv": other.encode()}
    with pytest.raises(DatasetNotUnderstood, match=r"old\.csv: 60 of 60 rows say something else of an image than one"):
        take_in(tmp_path, files)


def test_numbers_get_the_names_of_their_folders_where_each_is_one_folder(tmp_path: Path) -> None:
    files = images(TRAIN, lambda s: f"{s.label}/")
    numbered = table(TRAIN, lambda s: (s.name, NUMBERS[s.label]), header=["file", "label"]).encode()
    outcome = take_in(tmp_path, {**files, "labels.csv": numbered})
    assert_right(outcome, TRAIN, given=())
    assert texts(outcome, "note") == ["The names of the classes are taken from the folders of their images."]
    other = table(TRAIN, lambda s: (s.name, NUMBERS[s.label] // 2), header=["file", "label"]).encode()
    assert take_in(tmp_path, {**files, "labels.csv": other}).report.classes == ("0", "1")


def test_two_columns_that_might_be_the_label_are_told(tmp_path: Path) -> None:
    data = table(TRAIN, lambda s: (s.name, s.label, "ab"[s.number % 2]), header=["file", "class", "category"])
    outcome = take_in(tmp_path, {**images(TRAIN), "labels.csv": data.encode()})
    assert_right(outcome, TRAIN, given=())
    assert "the column class; category might be meant" in texts(outcome, "warning")[0]


def test_captions_are_no_labels(tmp_path: Path) -> None:
    """A Hugging Face image folder with one text an image."""
    data = table(TRAIN, lambda s: (s.name, f"a picture of {s.name}"), header=["file_name", "text"])
    outcome = take_in(tmp_path, {**images(TRAIN, lambda s: f"{s.label}/"), "metadata.csv": data.encode()})
    assert_right(outcome, TRAIN, given=())
    assert outcome.report.layout == "class folders"


def test_a_table_of_other_images_leaves_class_folders_what_they_are(tmp_path: Path) -> None:
    outcome = take_in(
        tmp_path,
        {**images(TRAIN, lambda s: f"{s.label}/"), "labels.csv": f"file,label\n{TRAIN[0].name},dog\n".encode()},
    )
    assert_right(outcome, TRAIN, given=())
    assert outcome.reasons == {"labels.csv": "not used as a table of labels: it says nothing of most images"}
    assert texts(outcome, "warning") == ["labels.csv is not used: it says nothing of most images."]


def test_latin_names_are_read_and_said(tmp_path: Path) -> None:
    classes = ("Käfer", "Möwe")
    found = samples(classes, splits=["train"], each=12)
    data = table(found, named, header=["file", "label"]).encode("cp1252")
    outcome = take_in(tmp_path, {**images(found), "labels.csv": data}, classes)
    assert_right(outcome, found, given=(), names=classes)
    assert "Windows-1252" in texts(outcome, "note")[0]


def test_groups_are_read(tmp_path: Path) -> None:
    data = table(TRAIN, lambda s: (s.name, s.label, f"p{s.number % 3}"), header=["file", "label", "patient_id"])
    upload = upload_of({"labels.csv": data.encode()}, [f"images/{s.name}" for s in TRAIN])
    groups = TableLayout().read(upload).groups
    assert {parts[1]: group for parts, group in groups.items()} == {s.name: f"p{s.number % 3}" for s in TRAIN}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "holds no row"),
        (b"file,label\n", "holds no row"),
        (b"\xff\xfe\x00", "not UTF-16-LE text (byte 0)"),
        (b"file,label\n\x81\xff", "not UTF-8 text (byte 11)"),
        (b"\x00\x01\x02" * 9, "not text"),
        (b"file,label\n" + b'"' + b"x" * 200_000, "line 2: field larger than field limit (131072)"),
        (b'file,label\n"a"b,c\n', "line 2: ',' expected after '\"'"),
        (b"a;b;c\n1;2;3\n", "no column names images of the archive"),
    ],
)
def test_what_is_no_table_says_why(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(DatasetTooSmall) as failure:
        take_in(tmp_path, {**images(TRAIN), "labels.csv": data})
    assert any(reason in skipped for skipped in failure.value.skipped), failure.value.skipped


PATHS = [f"images/{number}.png" for number in range(20)]


@pytest.mark.parametrize(
    "line", ["[1]", "{", '"x"', "[" * 50_000, '{"file": {"a": 1}, "label": []}', "null", "1" * 5000]
)
def test_hostile_json_lines_raise_nothing(line: str) -> None:
    upload = upload_of({"x.jsonl": f'{{"file": "images/0.png", "label": 3}}\n{line}'.encode()}, PATHS)
    tables = upload.once(read_tables)
    assert {image: said.label for image, said in tables.rows.said().items()} in ({}, {("images", "0.png"): "3"})


def test_halves_of_characters_do_not_reach_the_names(tmp_path: Path) -> None:
    lines = [json.dumps({"file": s.name, "label": s.label if s.label != "owl" else "\ud800"}) for s in TRAIN]
    outcome = take_in(tmp_path, {**images(TRAIN), "labels.jsonl": "\n".join(lines).encode()})
    assert outcome.report.classes == ("?", "cat", "dog")


def test_rows_and_cells_are_bounded() -> None:
    rows = "\n".join(f"{path},a" for path in PATHS).encode()
    assert upload_of({"x.csv": rows}, PATHS, most_rows=10).once(read_tables).reasons == {
        ("x.csv",): "more than 10 rows"
    }
    wide = b",".join([b"x"] * 10_001)
    assert "columns" in upload_of({"x.csv": wide}, PATHS).once(read_tables).reasons[("x.csv",)]
    sparse = b"\n".join(b'{"%d": 1}' % number for number in range(9000))
    assert "cells" in upload_of({"x.jsonl": sparse}, PATHS, most_rows=10**6).once(read_tables).reasons[("x.jsonl",)]


@settings(max_examples=300)
@given(data=st.binary(max_size=300), suffix=st.sampled_from([".csv", ".jsonl", ".json", ".txt", ".parquet"]))
def test_any_bytes_are_a_table_or_not(data: bytes, suffix: str) -> None:
    upload = upload_of({f"x{suffix}": data}, PATHS)
    assert set(upload.once(read_tables).rows.said()) <= set(upload.images)


def test_splits_of_one_table_are_placements() -> None:
    splits: list[Split] = ["train", "val", "test"]
    rows = "\n".join(f"{path},{'ab'[at % 2]},{splits[at % 3]}" for at, path in enumerate(PATHS))
    upload = upload_of({"x.csv": f"file,label,split\n{rows}".encode()}, PATHS)
    assert TableLayout().read(upload).placements == {
        tuple(path.split("/")): Placement(label="ab"[at % 2], split=splits[at % 3]) for at, path in enumerate(PATHS)
    }
