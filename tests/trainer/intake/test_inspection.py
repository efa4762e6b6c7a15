"""What an upload is taken for, before anything is trained on it."""

import io
from pathlib import Path
from tempfile import TemporaryFile

import pytest

from tests.trainer import archives
from trainer.errors import NotAnArchive
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.freeze import freeze
from trainer.intake.inspection import Inspection, inspect, unreadable
from trainer.intake.understand import understand

LIMITS = IntakeLimits()


def look(folder: Path, files: archives.Files) -> Inspection:
    (folder / "upload").write_bytes(archives.zip_of(files))
    return inspect(folder / "upload", LIMITS)


def test_the_digest_has_the_form_of_the_contract(tmp_path: Path) -> None:
    found = look(tmp_path, {**archives.class_folders(), "notes.md": b"x", "cats/bad.png": b"x"})
    assert found.as_json() == {
        "layout": "class folders",
        "classes": {name: {"train": 6, "val": 2, "test": 2} for name in ("cats", "dogs")},
        "left_out": [
            {"file": "cats/bad.png", "reason": "not an image"},
            {"file": "notes.md", "reason": "not an image"},
        ],
        "findings": [],
        "error": None,
    }
    assert "cats, dogs" in found.why


def test_what_freezes_is_what_was_shown(tmp_path: Path) -> None:
    shown = look(tmp_path, archives.class_folders(["a", "b", "c"], each=20, prefix="train/"))
    report = freeze(tmp_path / "upload", tmp_path / "dataset.zip", LIMITS)
    assert report.inspection == shown


def test_a_few_images_of_each_class_are_named(tmp_path: Path) -> None:
    found = look(tmp_path, archives.class_folders())
    assert found.examples == {name: tuple(f"{name}/{number}.png" for number in range(3)) for name in ("cats", "dogs")}
    assert found.splits == {"train": 12, "val": 4, "test": 4}
    assert found.in_one_line() == "class folders: 2 classes, 20 images, 0 left out"


def test_images_are_not_kept(tmp_path: Path) -> None:
    table = "\n".join(["file,label", *(f"{name},{name[:4]}" for name in archives.class_folders())]).encode()
    (tmp_path / "upload").write_bytes(archives.zip_of({**archives.class_folders(), "labels.csv": table}))
    with TemporaryFile() as spool:
        found = understand(tmp_path / "upload", spool, LIMITS, keep_images=False)
        assert (found.layout, found.fault) == ("table of labels", None)
        assert spool.seek(0, io.SEEK_END) == len(table)


def test_a_job_keeps_the_first_of_long_lists(tmp_path: Path) -> None:
    litter = {f"notes{number:03}.md": b"x" for number in range(150)}
    found = look(tmp_path, {**archives.class_folders(), **litter, "cats/late.png": b"x"})
    kept = found.as_job_json()
    assert (kept["left_out"], kept["left_out_count"]) == (found.as_json()["left_out"][:100], 151)  # type: ignore[index]  # a list
    assert kept["left_out_reasons"] == [{"reason": "not an image", "count": 151}]
    assert (kept["why"], kept["classes"]) == (found.why, found.as_json()["classes"])


def test_every_layout_says_why(tmp_path: Path) -> None:
    flat = {"a.png": archives.picture(1), "b.png": archives.picture(2)}
    for files in (archives.class_folders(), archives.class_folders(prefix="train/"), flat):
        found = look(tmp_path, files)
        assert bool(found.layout) == bool(found.why)


def test_an_upload_without_images_is_of_no_layout(tmp_path: Path) -> None:
    """It was told as a table of labels, whose name was empty."""
    found = look(tmp_path, {"cats/readme.txt": b"see labels.csv", "labels.csv": b"file,label\n1.png,cat\n2.png,dog\n"})
    assert (found.layout, found.why) == (None, "")
    assert found.error is not None
    assert "labels.csv" in found.error


def test_what_is_refused_has_the_same_form() -> None:
    assert unreadable("it is empty").as_json() == {
        "layout": None,
        "classes": {},
        "left_out": [],
        "findings": [{"weight": "error", "text": "it is empty", "files": []}],
        "error": "it is empty",
    }


def test_what_cannot_be_trained_on_is_an_error_and_a_finding(tmp_path: Path) -> None:
    found = look(tmp_path, archives.class_folders(["cats"]))
    assert found.error is not None
    assert "found only cats" in found.error
    assert [finding.as_json() for finding in found.findings] == [{"weight": "error", "text": found.error, "files": []}]


def test_what_is_no_archive_is_raised(tmp_path: Path) -> None:
    (tmp_path / "upload").write_bytes(b"hello" * 300)
    with pytest.raises(NotAnArchive):
        inspect(tmp_path / "upload", LIMITS)
