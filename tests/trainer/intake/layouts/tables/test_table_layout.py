"""Tables of labels in every form that people have them."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.exports.documents import images, table
from benchmarks.exports.layouts.tables import forms
from benchmarks.exports.samples import CLASSES, NUMBERS, samples
from tests.trainer.intake.layouts.annotations.uploads import texts, upload_of
from tests.trainer.intake.samples import assert_right, take_in
from trainer.errors import DatasetTooSmall
from trainer.intake.layouts.tables.table_layout import TableLayout
from trainer.intake.layouts.tables.tables import read_tables

ALL = samples()
TRAIN = samples(splits=["train"], each=20)
PATHS = [f"images/{number}.png" for number in range(20)]


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


def test_a_first_row_that_names_an_image_is_no_header(tmp_path: Path) -> None:
    """Columns may be called train and test as well."""
    data = table(ALL, lambda s: (s.split, s.name, s.label))
    outcome = take_in(tmp_path, {**images(ALL), "labels.csv": data.encode()})
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


@pytest.mark.parametrize("line", ["{number}: {name}", "{number}. {name}", "{name} {number}", "{name}: {number}"])
def test_a_list_of_names_in_another_order_with_their_numbers(tmp_path: Path, line: str) -> None:
    """The first line is not the first class: its number counts."""
    labels = table(TRAIN, lambda s: (s.name, str(CLASSES.index(s.label))), header=["file", "label"])
    names = "\r\n".join(line.format(number=CLASSES.index(name), name=name) for name in reversed(CLASSES))
    outcome = take_in(tmp_path, {**images(TRAIN), "labels.csv": labels.encode(), "classes.txt": names.encode()})
    assert_right(outcome, TRAIN, given=())


def test_names_that_end_in_a_number_of_their_own_are_in_order(tmp_path: Path) -> None:
    labels = table(TRAIN, lambda s: (s.name, str(CLASSES.index(s.label))), header=["file", "label"])
    files = {**images(TRAIN), "labels.csv": labels.encode(), "classes.txt": b"type 0\ntype 1\ntype 2"}
    assert take_in(tmp_path, files).report.classes == ("type 0", "type 1", "type 2")


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


def test_numbers_get_the_names_of_their_folders_where_each_is_one_folder(tmp_path: Path) -> None:
    files = images(TRAIN, lambda s: f"{s.label}/")
    numbered = table(TRAIN, lambda s: (s.name, NUMBERS[s.label]), header=["file", "label"]).encode()
    outcome = take_in(tmp_path, {**files, "labels.csv": numbered})
    assert_right(outcome, TRAIN, given=())
    assert texts(outcome, "note") == ["The names of the classes are taken from the folders of their images."]
    other = table(TRAIN, lambda s: (s.name, NUMBERS[s.label] // 2), header=["file", "label"]).encode()
    assert take_in(tmp_path, {**files, "labels.csv": other}).report.classes == ("0", "1")


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
