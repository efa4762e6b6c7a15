"""What is taken from a folder: through links, without litter, and with every fault in one line."""

import os
from pathlib import Path

import pytest

from cli.errors import NotADataset
from cli.service.dataset_folder import dataset_entries
from nettailor.printable import printable


def _write(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


def _names(folder: Path) -> list[str]:
    return [name for name, _ in dataset_entries(folder)]


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    _write(tmp_path / "pets", "cats/1.png", "dogs/1.png")
    return tmp_path / "pets"


def test_linked_folders_and_files_are_followed(pets: Path, tmp_path: Path) -> None:
    """Also out of the folder: it is the user's own disk."""
    _write(tmp_path, "elsewhere/birds/1.png", "elsewhere/rook.png")
    (pets / "birds").symlink_to(tmp_path / "elsewhere/birds", target_is_directory=True)
    (pets / "dogs/2.png").symlink_to(tmp_path / "elsewhere/rook.png")
    entries = dict(dataset_entries(pets))
    assert list(entries) == ["birds/1.png", "cats/1.png", "dogs/1.png", "dogs/2.png"]
    assert entries["birds/1.png"].read_bytes() == b"elsewhere/birds/1.png"


def test_the_folder_itself_may_be_a_link(pets: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(pets, target_is_directory=True)
    assert _names(tmp_path / "link") == ["cats/1.png", "dogs/1.png"]


def test_links_in_a_circle_end(pets: Path) -> None:
    (pets / "cats/all").symlink_to(pets, target_is_directory=True)
    (pets / "cats/again").symlink_to(".", target_is_directory=True)
    (pets / "dogs/cats").symlink_to("../cats", target_is_directory=True)
    assert _names(pets) == ["cats/1.png", "dogs/1.png", "dogs/cats/1.png"]


def test_links_that_multiply_end(pets: Path) -> None:
    """Each of twenty folders is linked twice from the one before: a million paths."""
    for number in range(20):
        _write(pets, f"chain/{number}/1.png")
        for name in "ab":
            (pets / f"chain/{number}/{name}").symlink_to(f"../{number + 1}", target_is_directory=True)
    with pytest.raises(NotADataset, match="nested deeper than 16 folders"):
        dataset_entries(pets)


def test_links_to_nothing_are_reported_together(pets: Path) -> None:
    for number in range(3, 8):
        (pets / f"cats/{number}.png").symlink_to("../annex/missing")
    (pets / "cats/2.png").symlink_to("2.png")
    with pytest.raises(NotADataset) as refused:
        dataset_entries(pets)
    reason = (
        "6 links lead nowhere (cats/2.png, cats/3.png, cats/4.png, ...): bring back what is missing, or remove them"
    )
    assert str(refused.value) == f"{pets}: {reason}"


def test_a_folder_that_holds_nothing_is_there(pets: Path) -> None:
    (pets / "birds").mkdir()
    _write(pets, "fish/.DS_Store")
    (pets / "wrapped/around/nothing").mkdir(parents=True)
    assert _names(pets) == ["birds/", "cats/1.png", "dogs/1.png", "fish/", "wrapped/around/nothing/"]


def test_of_what_is_hidden_only_images_are_taken(pets: Path) -> None:
    """A class named by mistake is then reported; secrets stay where they are."""
    _write(pets, ".birds/1.png", ".birds/notes.txt", ".env", ".git/logo.png", "__MACOSX/._1.png", "cats/Thumbs.db")
    (pets / ".empty").mkdir()
    (pets / ".nowhere").symlink_to("missing")
    assert _names(pets) == [".birds/1.png", "cats/1.png", "dogs/1.png"]


def test_pipes_are_no_files(pets: Path) -> None:
    os.mkfifo(pets / "cats/pipe.png")
    assert _names(pets) == ["cats/1.png", "dogs/1.png"]


def test_a_name_that_is_not_utf8_is_one_line(pets: Path) -> None:
    (pets / os.fsdecode(b"caf\xe9")).mkdir()
    (pets / os.fsdecode(b"caf\xe9/1.png")).write_bytes(b"x")
    with pytest.raises(NotADataset) as refused:
        dataset_entries(pets)
    assert printable(str(refused.value)) == rf"{pets}/caf\xe9/1.png: the name is not UTF-8 text; rename it"


def test_a_folder_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(NotADataset, match="absent: cannot be read: No such file or directory"):
        dataset_entries(tmp_path / "absent")
