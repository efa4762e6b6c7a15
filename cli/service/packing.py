"""A dataset as one file to upload: an archive as it is, or a folder zipped into a temporary file."""

import signal
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import NoReturn

from cli.errors import NotADataset
from cli.service.dataset_folder import dataset_entries


@contextmanager
def packed(data: Path) -> Iterator[Path]:
    """The archive to upload; a folder's is removed afterwards. Raises `NotADataset`."""
    if _is_archive(data):
        yield data
    else:
        with _ending_in_order(), TemporaryDirectory(prefix="nettailor-upload-") as scratch:
            archive = Path(scratch, f"{data.resolve().name}.zip")
            zip_folder(data, archive)
            yield archive


def zip_folder(folder: Path, archive: Path) -> None:
    """Zip what belongs to a folder's dataset under its relative name, without compressing it again.

    Raises `NotADataset`, also if there is nothing to zip.
    """
    entries = dataset_entries(folder)
    if all(name.endswith("/") for name, _ in entries):
        raise NotADataset(folder, "the folder holds no files")
    at = folder
    try:
        # strict_timestamps off: files from before 1980 are no reason to refuse a dataset
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED, strict_timestamps=False) as target:
            for name, at in entries:
                target.write(at, name)
    except OSError as error:
        raise NotADataset(at, f"cannot be packed: {error.strerror or error}") from error


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """Told to end, or its terminal closed, Python ends at once: what is written here would stay, as large as the data
    set. So it leaves all it is in first."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ending = [each for each in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(each) is signal.SIG_DFL]
    for each in ending:
        signal.signal(each, _leave)
    try:
        yield
    finally:
        for each in ending:
            signal.signal(each, signal.SIG_DFL)


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    """Further signals would break off the cleaning up: whoever closes a terminal has the shell and the kernel each send
    one."""
    for each in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(each) is _leave:
            signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


def _is_archive(data: Path) -> bool:
    """Whether it is a file, which can then be read, and no folder. Raises `NotADataset`."""
    try:
        if data.is_dir():
            return False
        if not data.is_file():
            raise NotADataset(data, "no such file or folder")
        with data.open("rb"):
            return True
    except OSError as error:
        raise NotADataset(data, f"cannot be read: {error.strerror or error}") from error
