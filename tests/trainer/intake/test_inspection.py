"""What an upload is taken for, before anything is trained on it."""

from pathlib import Path

import pytest

from tests.trainer import archives
from trainer.errors import NotAnArchive
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.freeze import freeze
from trainer.intake.inspection import Inspection, inspect

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
    assert (report.layout, report.counts) == (shown.layout, shown.classes)
    assert (report.skipped, report.findings) == (shown.left_out, shown.findings)


def test_what_cannot_be_trained_on_is_an_error_and_a_finding(tmp_path: Path) -> None:
    found = look(tmp_path, archives.class_folders(["cats"]))
    assert found.error is not None
    assert "found only cats" in found.error
    assert [finding.as_json() for finding in found.findings] == [{"weight": "error", "text": found.error, "files": []}]


def test_what_is_no_archive_is_raised(tmp_path: Path) -> None:
    (tmp_path / "upload").write_bytes(b"hello" * 300)
    with pytest.raises(NotAnArchive):
        inspect(tmp_path / "upload", LIMITS)
