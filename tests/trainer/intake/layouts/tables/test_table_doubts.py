"""Tables that are wrong, or that speak against folders or each other: what is said of them, and what is read."""

import json
from pathlib import Path

import pytest

from benchmarks.exports.documents import Cells, images, table
from benchmarks.exports.layouts.tables import ROLES, forms, named
from benchmarks.exports.samples import CLASSES, NUMBERS, samples
from tests.trainer.intake.layouts.annotations.uploads import texts
from tests.trainer.intake.samples import assert_right, take_in
from trainer.errors import DatasetNotUnderstood, DatasetTooSmall

TRAIN = samples(splits=["train"], each=20)


@pytest.mark.parametrize("role", ROLES)
def test_columns_are_told_by_their_role(tmp_path: Path, role: str) -> None:
    header, cells = ROLES[role]
    outcome = take_in(tmp_path, {**images(TRAIN), "labels.csv": table(TRAIN, cells, header=header).encode()})
    assert_right(outcome, TRAIN, given=())
    assert outcome.report.findings == ()


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
        f"line 5: '{TRAIN[3].name}' has no label: the column label is empty",
        "line 62: " + repr(TRAIN[6].name) + " is said to be something else in 'labels.csv', line 8",
        "line 6: more cells than there are columns",
    ]
    assert [text.split(". ")[0] for text in texts(outcome, "warning")] == [
        "labels.csv: 1 of 62 rows say something else of an image than one before: line 62",
        "labels.csv: 1 of 62 rows have more cells than there are columns: line 6",
        "labels.csv: 1 of 62 rows name no image of the upload: line 4",
        "labels.csv: 1 of 62 rows have no label (the column label is empty): line 5",
    ]
    assert texts(outcome, "note") == [
        "labels.csv: 1 of 62 rows name an image again, and say the same: line 63.",
        "1 of 60 images are in no table of labels and are left out: in images. Add what they show, or take them away.",
    ]
    assert outcome.reasons[f"images/{TRAIN[2].name}"] == "not in labels.csv"
    assert outcome.reasons[f"images/{TRAIN[4].name}"] == "more cells than there are columns (line 6 of 'labels.csv')"
    assert outcome.reasons[f"images/{TRAIN[3].name}"] == (
        f"'{TRAIN[3].name}' has no label: the column label is empty (line 5 of 'labels.csv')"
    )
    assert outcome.reasons[f"images/{TRAIN[6].name}"] == (
        f"'{TRAIN[6].name}' is said to be something else in 'labels.csv', line 8 (line 62 of 'labels.csv')"
    )
    assert outcome.reasons["notes.csv"] == "not used as a table of labels: no column names images of the archive"


def test_images_of_an_unknown_split_or_without_a_label_are_not_called_missing_from_the_table(tmp_path: Path) -> None:
    words = {0: "fold7", 1: "holdup"}
    header = ["file", "label", "split"]
    data = table(
        TRAIN, lambda s: (s.name, "" if s.number == 2 else s.label, words.get(s.number, "train")), header=header
    )
    outcome = take_in(tmp_path, {**images(TRAIN), "labels.csv": data.encode()})
    assert_right(outcome, [s for s in TRAIN if s.number > 2], given=("train",))
    assert texts(outcome, "warning") == [
        "labels.csv: 6 of 60 rows name a split that is not known ('fold7' in the column split, 'holdup' in the column "
        "split): line 2, line 3, line 22, line 23, line 42, and 1 more. Their images are left out: call it train, val "
        "or test.",
        "labels.csv: 3 of 60 rows have no label (the column label is empty): line 4, line 24, line 44. Their images "
        "are left out.",
    ]
    assert [outcome.reasons[f"images/{s.name}"] for s in TRAIN[:3]] == [
        "'fold7' in the column split is no split (train, val, test) (line 2 of 'labels.csv')",
        "'holdup' in the column split is no split (train, val, test) (line 3 of 'labels.csv')",
        f"'{TRAIN[2].name}' has no label: the column label is empty (line 4 of 'labels.csv')",
    ]


def test_a_name_that_several_images_have_is_not_called_missing(tmp_path: Path) -> None:
    files = images(TRAIN) | {f"more/{s.name}": s.data for s in samples(splits=["train"], each=2)}
    data = table(TRAIN, lambda s: (s.name, s.label), header=["file", "label"])
    outcome = take_in(tmp_path, {**files, "labels.csv": data.encode()})
    assert [text for text in texts(outcome, "warning") if text.startswith("labels.csv")] == [
        "labels.csv: 6 of 60 rows name several images of the upload: line 2, line 3, line 22, line 23, line 42, and 1 "
        "more. Write the folders of the images, too: cats/1.png."
    ]
    name = TRAIN[0].name
    for folder in ("images", "more"):
        assert outcome.reasons[f"{folder}/{name}"] == (
            "several images are called so, and the rows do not say which they mean"
        )
    assert f"line 2: several images are called '{name}'" in [skip.reason for skip in outcome.report.skipped]


def test_several_classes_in_a_one_hot_table_are_not_called_none(tmp_path: Path) -> None:
    header, cells = ROLES["one-hot"]
    lines = table(TRAIN, cells, header=header).splitlines()
    lines[1] = f"{lines[1].partition(',')[0]},1,1,0"
    lines[2] = f"{lines[2].partition(',')[0]},0,0,0"
    outcome = take_in(tmp_path, {**images(TRAIN), "labels.csv": "\n".join(lines).encode()})
    (told,) = texts(outcome, "warning")
    assert "2 of 60 rows have no label (the columns cat, dog say several, no column of a class is 1): line 2" in told


def test_a_table_of_broken_json_is_told_with_the_place(tmp_path: Path) -> None:
    rows = ",\n".join(json.dumps({"file": sample.name, "label": sample.label}) for sample in TRAIN)
    with pytest.raises(
        DatasetTooSmall, match=r"labels.json \(not used as a table of labels: not JSON: line 60, column "
    ):
        take_in(tmp_path, {**images(TRAIN), "labels.json": f"[{rows},]".encode()})


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
