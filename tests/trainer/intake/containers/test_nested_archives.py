"""Archives inside the upload."""

import zipfile
from pathlib import Path

import pytest

from tests.trainer import archives
from trainer.errors import ArchiveInvalid, ArchiveTooBig
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.freeze import IntakeReport, freeze

CATS, DOGS = (archives.class_folders([name]) for name in ("cats", "dogs"))


def take_in(folder: Path, files: archives.Files, limits: IntakeLimits | None = None) -> IntakeReport:
    (folder / "upload").write_bytes(archives.zip_of(files))
    return freeze(folder / "upload", folder / "dataset.zip", limits or IntakeLimits())


def bare(files: archives.Files) -> dict[str, bytes]:
    return {name.partition("/")[2]: data for name, data in files.items()}


@pytest.mark.parametrize(
    "files",
    [
        {"data.zip": archives.zip_of(CATS | DOGS)},
        {"cats.zip": archives.zip_of(bare(CATS)), "dogs.tar": archives.tar_of(bare(DOGS), mode="w")},
        {"set/cats.tar.gz": archives.tar_of(bare(CATS)), "set/dogs.TGZ": archives.tar_of(bare(DOGS))},
        {"data.tar.zst": archives.zst_of(CATS | DOGS), "readme.txt": b"see data.tar.zst"},
    ],
    ids=["all in one", "one a class", "compressed", "beside a text"],
)
def test_what_they_hold_is_what_would_lie_in_folders(tmp_path: Path, files: archives.Files) -> None:
    assert take_in(tmp_path, files).digest == take_in(tmp_path, CATS | DOGS).digest


def test_beside_images_they_stay_closed(tmp_path: Path) -> None:
    report = take_in(tmp_path, CATS | DOGS | {"backup.zip": archives.zip_of(CATS)})
    assert {skip.file: skip.reason for skip in report.skipped} == {
        "backup.zip": "not looked into (zip archive): images lie beside it"
    }


def test_they_count_against_the_limits_of_the_upload(tmp_path: Path) -> None:
    files = {"cats.zip": archives.zip_of(bare(CATS)), "dogs.zip": archives.zip_of(bare(DOGS))}
    assert take_in(tmp_path, files, IntakeLimits(members=22)).images == 20
    with pytest.raises(ArchiveTooBig, match="more than 21 files"):
        take_in(tmp_path, files, IntakeLimits(members=21))
    with pytest.raises(ArchiveTooBig, match="unpacks to more than"):
        take_in(tmp_path, files, IntakeLimits(unpacked_bytes=sum(map(len, files.values())) + 1000))


def test_an_archive_in_an_archive_in_an_archive_stays_closed(tmp_path: Path) -> None:
    inner = archives.zip_of({"birds.zip": archives.zip_of(CATS), **CATS, **DOGS})
    report = take_in(tmp_path, {"data.zip": inner})
    assert report.classes == ("cats", "dogs")
    assert [skip.reason for skip in report.skipped] == ["not an image (zip archive)"]


def test_a_bad_one_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(ArchiveInvalid, match=r"^data\.zip: not a zip"):
        take_in(tmp_path, {"data.zip": b"<html>not found</html>"})
    bomb = archives.zip_of({"bomb.png": bytes(40 << 20)}, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(ArchiveTooBig, match="times its size"):
        take_in(tmp_path, {"data.zip": bomb})
