"""Labels in a CSV or JSON Lines file, and every way such a file can be wrong."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer import archives
from trainer.errors import DatasetTooSmall
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.freeze import IntakeReport, freeze
from trainer.intake.layouts.tables.table import LabelTable, read_table
from trainer.intake.placement import Placement
from trainer.intake.upload import Document

TakeIn = Callable[[archives.Files], IntakeReport]
IMAGES = {f"images/{number}.png": archives.picture(number) for number in range(20)}
PATHS = [tuple(name.split("/")) for name in IMAGES]


@pytest.fixture
def take_in(tmp_path: Path) -> TakeIn:
    def take(files: archives.Files) -> IntakeReport:
        (tmp_path / "upload").write_bytes(archives.zip_of(files))
        return freeze(tmp_path / "upload", tmp_path / "dataset.zip", IntakeLimits())

    return take


def label(number: int) -> str:
    return ("cats", "dogs")[number % 2]


def csv_of(*, header: str = "file,label", prefix: str = "images/", delimiter: str = ",") -> bytes:
    rows = [f"{prefix}{number}.png{delimiter}{label(number)}" for number in range(20)]
    return "\r\n".join([header.replace(",", delimiter), *rows]).encode()


def table_of(name: str, data: bytes, most_rows: int) -> LabelTable:
    document = Document(parts=(name,), size_bytes=len(data), offset=0, spool=io.BytesIO(data))
    return read_table(document, PATHS, most_rows)


def reasons(report: IntakeReport) -> dict[str, str]:
    return {skip.file: skip.reason for skip in report.skipped}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("labels.csv", csv_of()),
        ("images/labels.csv", csv_of(prefix="")),
        ("labels.csv", csv_of(prefix="./images\\")),
        ("meta/labels.csv", csv_of(prefix="", header="Filename,Class")),
        ("labels.csv", b"\xef\xbb\xbf" + csv_of(delimiter=";")),
        ("labels.csv", csv_of(delimiter="\t")),
        ("labels.jsonl", b"\n".join(json.dumps({"path": p, "label": label(i)}).encode() for i, p in enumerate(IMAGES))),
    ],
    ids=["plain", "beside the images", "other separators", "names alone", "semicolons", "tabs", "json lines"],
)
def test_every_spelling_is_the_dataset_of_class_folders(take_in: TakeIn, name: str, data: bytes) -> None:
    folders = {f"{label(number)}/{number}.png": image for number, image in enumerate(IMAGES.values())}
    report = take_in({**IMAGES, name: data})
    assert report.digest == take_in(folders).digest
    assert report.skipped == ()


def test_splits_may_be_a_column(take_in: TakeIn) -> None:
    rows = [f"images/{n}.png,{label(n)},{'test' if n >= 16 else 'Train'}" for n in range(20)]
    report = take_in({**IMAGES, "labels.csv": "\n".join(["image,category,subset", *rows]).encode()})
    assert {name: counts["test"] for name, counts in report.counts.items()} == {"cats": 2, "dogs": 2}
    assert all(counts["val"] for counts in report.counts.values())  # cut from the training images


def test_bad_rows_are_left_out_with_their_line(take_in: TakeIn) -> None:
    rows = csv_of().decode().split("\r\n")
    rows[3] = "images/nowhere.png,cats"
    rows[4] = "images/3.png,"
    rows += ["images/5.png,cats", "images/6.png,cats"]  # 5 is a dog; 6 is said twice alike
    report = take_in({**IMAGES, "labels.csv": "\n".join(rows).encode(), "notes.csv": b"a,b\n1,2\n"})
    found = [skip.reason for skip in report.skipped if skip.file == "labels.csv"]
    assert found == [
        "line 22: 'images/5.png' was said to be something else before",
        "line 4: no image 'images/nowhere.png' in the archive",
        "line 5: 'images/3.png' has no label",
    ]
    assert reasons(report)["images/2.png"] == "not in labels.csv"
    assert reasons(report)["images/5.png"] == "not in labels.csv"
    assert reasons(report)["notes.csv"] == "not used as a table of labels: line 2: no file column"
    assert report.images == 17


def test_a_table_of_other_images_leaves_class_folders_what_they_are(take_in: TakeIn) -> None:
    good = archives.class_folders()
    report = take_in({**good, "labels.csv": b"file,label\ncats/0.png,dogs\n"})
    assert report.counts["cats"]["train"] == 6
    assert reasons(report) == {"labels.csv": "not used as a table of labels: says nothing of most images"}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "holds no row"),
        (b"\xff\xfe\x00", "not UTF-8 text (byte 0)"),
        (b"file,label\n" + b'"' + b"x" * 200_000, "line 1: field larger than field limit (131072)"),
        (b'file,label\n"a"b,c\n', "line 1: ',' expected after '\"'"),
        (b"a;b;c\n1;2;3\n", "line 2: no file column"),
        (b"file,other\n1,2\n", "line 2: no label column"),
    ],
)
def test_what_is_no_table_says_why(take_in: TakeIn, data: bytes, reason: str) -> None:
    with pytest.raises(DatasetTooSmall) as failure:
        take_in({**IMAGES, "labels.csv": data})
    assert any(reason in skipped for skipped in failure.value.skipped), failure.value.skipped


@pytest.mark.parametrize("line", ["[1]", "{", '"x"', "[" * 50_000, '{"file": {"a": 1}, "label": []}', "null"])
def test_hostile_json_lines_raise_nothing(line: str) -> None:
    table = table_of("x.jsonl", f'{{"file": "images/0.png", "label": 3}}\n{line}'.encode(), 100)
    assert table.places == {("images", "0.png"): Placement(label="3", split=None)}
    assert len(table.faults) == 1


def test_rows_are_bounded() -> None:
    table = table_of("x.csv", csv_of(), 10)
    assert table.faults == ["more than 10 lines"]
    assert len(table.places) == 9


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=300), suffix=st.sampled_from([".csv", ".jsonl"]))
def test_any_bytes_are_a_table_or_not(data: bytes, suffix: str) -> None:
    table = table_of(f"x{suffix}", data, 100)
    assert set(table.places) <= set(PATHS)


def test_pictures_that_look_the_same_are_duplicates_whatever_their_bytes(take_in: TakeIn) -> None:
    """A BMP of a training image under test/ must not be tested on."""
    train = {f"train/{name}": data for name, data in archives.class_folders().items()}
    test = {f"test/{name}": data for name, data in archives.class_folders(seed=1).items()}
    name = "cats/0.png"
    seed = archives.hash_seed(0, "cats", 0)
    assert archives.picture(seed) == train[f"train/{name}"]
    report = take_in({**train, **test, "test/cats/again.bmp": archives.picture(seed, suffix="bmp")})
    assert reasons(report) == {"test/cats/again.bmp": f"a duplicate of train/{name}"}
    assert report.counts["cats"]["test"] == 10
