"""What is litter, what is hidden, and what a class may be called."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.trainer import archives
from trainer.errors import ArchiveInvalid, ArchivePathUnsafe
from trainer.intake.archives.archive import inspect, members
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.archives.paths import hidden_folder, is_hidden, is_litter, safe_parts

LIMITS = IntakeLimits()
LITTER = [
    *("Icon\r", "cats/Icon\r", "cats/icon\uf00d", "._Icon\r", "cats/._1.png", "__MACOSX/cats/._1.png"),
    *(".DS_Store", "cats/.DS_Store", ".Spotlight-V100/Store-V2/x", ".fseventsd/0000", ".Trashes/501/x.png"),
    *("Thumbs.db", "cats\\Thumbs.db", "cats/desktop.ini", "$RECYCLE.BIN/S-1-5/x.png", "~$labels.xlsx"),
    *("System Volume Information/IndexerVolumeGuid", ".Trash-1000/files/1.png", "@eaDir/1.png/SYNOPHOTO_THUMB_M.jpg"),
    *("lost+found/#12", ".git/config", "cats/.gitkeep", ".ipynb_checkpoints/1-checkpoint.png", ".~lock.labels.csv#"),
]
NO_LITTER = ["cats/1.png", "Icon/1.png", "cats/Icon", "thumbs/1.png", ".hidden/1.png", "$money/1.png", "git/1.png"]

Pack = Callable[[archives.Files], bytes]


@pytest.mark.parametrize("name", LITTER)
@pytest.mark.parametrize("pack", [archives.zip_of, archives.tar_of])
def test_litter_is_dropped_before_names_are_checked(name: str, pack: Pack, tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(pack({"cats/1.png": b"x", name: b"y"}))
    assert [member.path for member in members(path, LIMITS)] == ["cats/1.png"]
    assert inspect(path, LIMITS).files == 1


@pytest.mark.parametrize("name", NO_LITTER)
def test_what_is_no_litter(name: str) -> None:
    assert not is_litter(name)


def test_litter_alone_is_no_dataset(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(archives.zip_of({"__MACOSX/._cats": b"x", "Thumbs.db": b"x"}))
    with pytest.raises(ArchiveInvalid, match="holds no file"):
        inspect(path, LIMITS)


def test_what_is_hidden_is_a_member(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(archives.zip_of({".hidden/1.png": b"x", "cats/.1.png": b"x", "cats/1.png": b"x"}))
    found = {member.path: is_hidden(member.parts) for member in members(path, LIMITS)}
    assert found == {".hidden/1.png": True, "cats/.1.png": True, "cats/1.png": False}


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        (".birds/1.png", (".birds",)),
        ("pets/.birds/.blue/1.png", ("pets", ".birds")),
        ("pets/birds/.1.png", None),
        ("pets/birds/1.png", None),
    ],
)
def test_the_folder_that_hides_a_file(path: str, folder: tuple[str, ...] | None) -> None:
    assert hidden_folder(tuple(path.split("/"))) == folder


@pytest.mark.parametrize("name", ["A: good/1.png", "B:bad/1.png", "12:30/1.png", "a/C:/1.png"])
def test_a_colon_is_no_drive(name: str) -> None:
    assert "/".join(safe_parts(name, LIMITS)) == name


@pytest.mark.parametrize("name", ["C:\\x", "C:/x", "c:/cats/1.png", "Z:\\", "C:"])
def test_a_drive_is_refused(name: str) -> None:
    with pytest.raises(ArchivePathUnsafe, match="absolute path"):
        safe_parts(name, LIMITS)


def test_a_refusal_shows_the_name_in_one_line() -> None:
    with pytest.raises(ArchivePathUnsafe, match=r"^a\\n\\x1b\[2J: the name holds control characters$") as refused:
        safe_parts("a\n\x1b[2J", LIMITS)
    assert refused.value.where == "a\\n\\x1b[2J"
