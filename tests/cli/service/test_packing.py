import os
import signal
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.errors import NotADataset
from cli.service.packing import packed


def _folder(root: Path) -> Path:
    for name in ("cats/1.png", "dogs/nested/2.jpg", ".git/config", "dogs/.DS_Store"):
        path = root / "pets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return root / "pets"


def test_a_folder_is_zipped_without_hidden_files_and_cleaned_up(tmp_path: Path) -> None:
    with packed(_folder(tmp_path)) as archive:
        assert archive.name == "pets.zip"
        with zipfile.ZipFile(archive) as source:
            assert {name: source.read(name) for name in source.namelist()} == {
                "cats/1.png": b"cats/1.png",
                "dogs/nested/2.jpg": b"dogs/nested/2.jpg",
            }
    assert not archive.exists()


@contextmanager
def handled(number: signal.Signals, handler: Callable[..., object] | signal.Handlers) -> Iterator[None]:
    """However these tests were started: `nohup` has hang-ups ignored, for one."""
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_command_that_is_told_to_end_cleans_up(tmp_path: Path, number: signal.Signals) -> None:
    """As when its terminal is closed: a copy of the data set stayed in /tmp each time."""
    with handled(number, signal.SIG_DFL):
        with pytest.raises(SystemExit) as ended, packed(_folder(tmp_path)) as archive:
            os.kill(os.getpid(), number)
        assert ended.value.code == 128 + number
        assert not archive.parent.exists()
        assert signal.getsignal(number) is signal.SIG_DFL


def test_a_second_signal_does_not_break_off_the_cleaning_up(tmp_path: Path) -> None:
    """Whoever closes a terminal has the shell and the kernel each send one."""
    cleaned_up = []

    @contextmanager
    def cleaning_up() -> Iterator[None]:
        try:
            yield
        finally:
            os.kill(os.getpid(), signal.SIGHUP)
            os.kill(os.getpid(), signal.SIGTERM)
            cleaned_up.append(True)

    with handled(signal.SIGTERM, signal.SIG_DFL), handled(signal.SIGHUP, signal.SIG_DFL):
        with pytest.raises(SystemExit), packed(_folder(tmp_path)), cleaning_up():
            os.kill(os.getpid(), signal.SIGHUP)
        assert cleaned_up
        assert signal.getsignal(signal.SIGHUP) is signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_what_is_ignored_stays_so(tmp_path: Path) -> None:
    """As of a command that `nohup` has started."""
    with handled(signal.SIGHUP, signal.SIG_IGN):
        with packed(_folder(tmp_path)):
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_files_older_than_zip_itself_are_taken(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    os.utime(folder / "cats/1.png", (0, 0))
    with packed(folder) as archive, zipfile.ZipFile(archive) as source:
        assert "cats/1.png" in source.namelist()


def test_an_archive_is_sent_as_it_is(tmp_path: Path) -> None:
    archive = tmp_path / "set.tar.gz"
    archive.write_bytes(b"as it is")
    with packed(archive) as same:
        assert same == archive
    assert archive.read_bytes() == b"as it is"


def test_what_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(NotADataset, match="no such file"), packed(tmp_path / "absent"):
        pass
    with pytest.raises(NotADataset, match="no files"), packed(tmp_path):
        pass


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """The memory of a process cannot be read from its beginning, not even by root."""
    folder = _folder(tmp_path)
    (folder / "cats/2.png").symlink_to("/proc/self/mem")
    with pytest.raises(NotADataset, match=r"cats/2\.png: cannot be packed: Input/output error"), packed(folder):
        pass


def test_a_folder_whose_name_is_not_utf8_is_sent(tmp_path: Path) -> None:
    folder = _folder(tmp_path).rename(tmp_path / os.fsdecode(b"caf\xe9"))
    with packed(folder) as archive:
        assert zipfile.is_zipfile(archive)
