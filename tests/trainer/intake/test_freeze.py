"""From upload to frozen dataset: what is kept, what is left out and why, and that equal uploads are one dataset."""

import hashlib
import json
import random
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pictures import huge_png
from tests.trainer import archives
from trainer.errors import DatasetTooSmall
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.freeze import IntakeReport, freeze
from trainer.intake.inspection import Inspection

LIMITS = IntakeLimits()
GOOD = archives.class_folders()


@pytest.fixture
def take_in(tmp_path: Path) -> Callable[..., IntakeReport]:
    def take_in_bytes(data: bytes, limits: IntakeLimits = LIMITS) -> IntakeReport:
        upload = tmp_path / "upload"
        upload.write_bytes(data)
        return freeze(upload, tmp_path / "dataset.zip", limits)

    return take_in_bytes


TakeIn = Callable[..., IntakeReport]


def test_what_was_understood_is_told_before_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "upload").write_bytes(archives.zip_of(archives.class_folders(["cats"])))
    told: list[Inspection] = []
    with pytest.raises(DatasetTooSmall) as refused:
        freeze(tmp_path / "upload", tmp_path / "dataset.zip", LIMITS, inspected=told.append)
    assert [each.error for each in told] == [str(refused.value)]
    assert not (tmp_path / "dataset.zip").exists()


def reasons(report: IntakeReport) -> dict[str, str]:
    return {skip.file: skip.reason for skip in report.skipped}


def test_the_frozen_zip_is_what_the_contract_says(take_in: TakeIn, tmp_path: Path) -> None:
    report = take_in(archives.zip_of(GOOD))
    path = tmp_path / "dataset.zip"
    assert report.digest == f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    with zipfile.ZipFile(path) as archive:
        assert json.loads(archive.read("dataset.json")) == {
            "format": "nettailor-dataset/1",
            "classes": ["cats", "dogs"],
        }
        names = archive.namelist()
        assert names == sorted(names)
        for entry in archive.infolist():
            assert (entry.compress_type, entry.date_time) == (zipfile.ZIP_STORED, (1980, 1, 1, 0, 0, 0))
        images = [name for name in names if name != "dataset.json"]
        assert all(re.fullmatch(r"(train|val|test)/0000[01]/[0-9a-f]{64}\.png", name) for name in images)
        stored = {archive.read(name) for name in images}
    assert stored == set(GOOD.values())
    assert report.counts == {name: {"train": 6, "val": 2, "test": 2} for name in ("cats", "dogs")}
    assert list(tmp_path.iterdir()) == [path, tmp_path / "upload"] or not list(tmp_path.glob("*.spool"))


def test_equal_uploads_are_one_dataset(take_in: TakeIn) -> None:
    """Order, packing, wrapping folder and litter make no difference; a single other image does."""
    shuffled = list(GOOD.items())
    random.Random(1).shuffle(shuffled)
    litter = {"__MACOSX/._cats": b"x", "pets/.DS_Store": b"x", "pets/cats/Thumbs.db": b"x", "pets/SOURCE.txt": b"from"}
    wrapped = {f"pets/{name}": data for name, data in GOOD.items()} | litter
    uploads = [
        archives.zip_of(GOOD),
        archives.zip_of(dict(shuffled)),
        archives.tar_of(dict(shuffled)),
        archives.tar_of(GOOD, mode="w"),
        archives.zst_of(GOOD),
        archives.zip_of(wrapped),
        archives.zip_of({name.replace("/", "\\"): data for name, data in GOOD.items()}),
    ]
    assert len({take_in(upload).digest for upload in uploads}) == 1
    other = {**GOOD, "cats/0.png": archives.picture(424242)}
    assert take_in(archives.zip_of(other)).digest != take_in(uploads[0]).digest


def test_a_file_of_labels_that_is_too_large_is_said(take_in: TakeIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.intake.scanning.read_archive.DOCUMENT_BYTES", 1000)
    report = take_in(archives.zip_of({**GOOD, "labels.csv": b"file,label\n" + b"cats/1.png,cats\n" * 200}))
    size = "3211 bytes, the limit for a file of labels is 1000"
    assert reasons(report)["labels.csv"] == size
    assert [(each.weight, each.text) for each in report.findings if each.files == ("labels.csv",)] == [
        ("warning", f"labels.csv is not read: {size}. Split it, or take out of it what tells no class.")
    ]


def test_so_is_one_that_could_have_been_a_container(take_in: TakeIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.intake.scanning.read_archive.DOCUMENT_BYTES", 1000)
    report = take_in(archives.zip_of({**GOOD, "labels.parquet": b"no such thing" * 200}))
    assert reasons(report)["labels.parquet"] == "2600 bytes, the limit for a file of labels is 1000"
    assert [each.weight for each in report.findings if each.files == ("labels.parquet",)] == ["warning"]


def test_bad_images_are_skipped_and_reported(take_in: TakeIn) -> None:
    cut = archives.picture(7, side=64)
    upload = archives.zip_of(
        {
            **GOOD,
            "SOURCE.txt": b"where this is from",
            "cats/notes.md": b"a cat",
            "cats/text.jpg": b"not really an image",
            "cats/cut.png": cut[: len(cut) // 2],
            "dogs/huge.png": huge_png(10_000, 10_000),
            "dogs/large.png": archives.picture(9, side=400),
            "stray.png": archives.picture(8),
            "dogs/script.eps": b"%!PS-Adobe-3.0 EPSF-3.0",
        }
    )
    report = take_in(upload, IntakeLimits(image_bytes=200_000))
    found = reasons(report)
    assert found["dogs/huge.png"] == "10000 x 10000 pixels, the limit is 40000000"
    assert found["dogs/large.png"].endswith("the limit for one image is 200000")
    assert "not a readable image" in found["cats/cut.png"]
    assert found["stray.png"] == "not in a class folder"
    for name in ("SOURCE.txt", "cats/notes.md", "cats/text.jpg"):
        assert found[name] == "not an image"
    assert found["dogs/script.eps"] == "PostScript, not supported"
    assert report.classes == ("cats", "dogs")
    assert report.images == len(GOOD)


def test_hidden_files_are_left_out_and_said(take_in: TakeIn) -> None:
    hidden = {".birds/1.png": archives.picture(5), "cats/.0.png": archives.picture(6)}
    report = take_in(archives.zip_of({**GOOD, **hidden}))
    why = "hidden: its name, or that of a folder around it, begins with a dot"
    assert reasons(report) == dict.fromkeys(hidden, why)
    assert report.images == len(GOOD)


@pytest.mark.parametrize("pack", [archives.zip_of, archives.tar_of])
def test_folders_without_files_do_no_harm(pack: Callable[[archives.Files], bytes], take_in: TakeIn) -> None:
    report = take_in(pack({"cats/": b"", "birds/": b"", **GOOD}))
    assert (report.classes, report.skipped) == (("cats", "dogs"), ())


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (archives.class_folders(["cats"]), "at least 2 class folders with images are needed, found only cats"),
        (archives.class_folders(each=3), "at least 8 usable images: cats has 3, dogs has 3"),
        ({"a.png": archives.picture(0), "b.png": archives.picture(1)}, "found none"),
        (
            {"readme.txt": b"no images"},
            "found none. Sort the images into a folder a class, or add a table of labels (columns file and label); "
            "left out: readme.txt (not an image)",
        ),
        (
            {**GOOD, **{f"birds/{n}.jpg": b"broken" for n in range(9)}},
            "birds has 0; left out: birds/0.jpg (not an image)",
        ),
        ({**GOOD, "birds/1.png": archives.picture(5)}, "birds has 1"),
    ],
)
def test_too_little_is_left(files: archives.Files, message: str, take_in: TakeIn) -> None:
    with pytest.raises(DatasetTooSmall, match=re.escape(message)):
        take_in(archives.zip_of(files))


def test_given_splits_are_kept_and_missing_ones_cut_from_train(take_in: TakeIn, tmp_path: Path) -> None:
    train = archives.class_folders(each=20, prefix="pets/Train/")
    test = archives.class_folders(each=5, prefix="pets/test/", seed=1)
    report = take_in(archives.tar_of(train | test))
    assert report.counts == {name: {"train": 17, "val": 3, "test": 5} for name in ("cats", "dogs")}
    with zipfile.ZipFile(tmp_path / "dataset.zip") as archive:
        stored = {archive.read(name) for name in archive.namelist() if name.startswith("test/")}
    assert stored == set(test.values())


def test_duplicates_stay_out_of_the_test_split(take_in: TakeIn) -> None:
    train = archives.class_folders(each=20, prefix="train/")
    test = archives.class_folders(each=9, prefix="test/", seed=1)
    test["test/cats/copy.png"] = train["train/cats/3.png"]
    report = take_in(archives.zip_of(train | test))
    assert reasons(report) == {"test/cats/copy.png": "a duplicate of train/cats/3.png"}
    assert report.counts["cats"]["test"] == 9


def test_an_image_in_two_classes_is_left_out_of_both(take_in: TakeIn) -> None:
    files = {**GOOD, "dogs/cat.png": GOOD["cats/0.png"]}
    report = take_in(archives.zip_of(files))
    why = "the same image is in several classes (cats, dogs)"
    assert reasons(report) == {"cats/0.png": why, "dogs/cat.png": why}
    assert report.images == len(GOOD) - 1
