import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from hosting.processes.private_files import keep_files_private, open_privately
from tests.processes.umask import sharing


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    with sharing():
        yield


def mode(path: Path) -> str:
    return oct(stat.S_IMODE(path.lstat().st_mode))


def test_what_is_made_from_now_on_is_private(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    keep_files_private(folder)
    folder.mkdir(parents=True)
    (folder / "file").write_bytes(b"")
    assert [mode(path) for path in (folder.parent, folder, folder / "file")] == ["0o700", "0o700", "0o600"]


def test_what_an_older_release_left_is_closed(tmp_path: Path) -> None:
    for name in ("blobs", "redis"):
        (tmp_path / name).mkdir(mode=0o755)
    (tmp_path / "up.log").write_bytes(b"")
    tmp_path.chmod(0o755)
    keep_files_private(tmp_path)
    assert {mode(path) for path in (tmp_path, tmp_path / "blobs", tmp_path / "redis")} == {"0o700"}
    assert mode(tmp_path / "up.log") == "0o600"


def test_in_a_folder_with_other_things_only_ours_are_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "blobs").mkdir(mode=0o755)
    (tmp_path / "letters").mkdir(mode=0o755)
    keep_files_private(tmp_path)
    assert (mode(tmp_path), mode(tmp_path / "letters"), mode(tmp_path / "blobs")) == ("0o755", "0o755", "0o700")


def test_folders_of_everybody_and_links_are_left_alone(tmp_path: Path) -> None:
    shared, elsewhere = tmp_path / "shared", tmp_path / "elsewhere"
    for folder in (shared, elsewhere):
        folder.mkdir(mode=0o777)
    shared.chmod(0o1777)  # as /tmp
    (shared / "blobs").symlink_to(elsewhere)
    keep_files_private(shared)
    assert (mode(shared), mode(elsewhere)) == ("0o1777", "0o777")


def test_a_file_can_be_opened_privately(tmp_path: Path) -> None:
    with open(tmp_path / "log", "ab", opener=open_privately):
        assert mode(tmp_path / "log") == "0o600"
