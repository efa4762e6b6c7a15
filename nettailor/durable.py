"""Files that are either whole or absent, and still there after the power fails."""

import contextlib
import fcntl
import os
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

TEMPORARY_PREFIX = ".tmp-"  # what a crash may leave behind; never read as anything


def write_durably(path: Path, chunks: Iterable[bytes], *, mode: int | None = None) -> None:
    """Write a file: temporary name, fsync, rename over `path`, fsync the folder. Makes missing folders.

    `mode` are the file's permissions; without it they are what the umask leaves.
    """
    make_folder_durably(path.parent)
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{uuid.uuid4().hex}")
    try:
        with temporary.open("xb") as file:
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            _fill(file, chunks)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def hold(file: BinaryIO) -> None:
    """Keep an open temporary file from being taken for one that a killed process has left, until it is closed."""
    with contextlib.suppress(OSError):  # a file system without locks
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_held(path: Path) -> bool | None:
    """Whether some process holds the file open and `hold` was called on it; None where the file system cannot tell.

    Raises FileNotFoundError.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return False


def _fill(file: BinaryIO, chunks: Iterable[bytes]) -> None:
    hold(file)
    for chunk in chunks:
        file.write(chunk)
    file.flush()
    os.fsync(file.fileno())


def create_durably(path: Path, data: bytes) -> bool:
    """Like `write_durably`, but whoever comes first wins: False, and nothing written, if `path` is already there."""
    make_folder_durably(path.parent)
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{uuid.uuid4().hex}")
    write_durably(temporary, [data])
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)
    return True


def move_durably(path: Path, target: Path) -> bool:
    """Rename a file over `target`; the names are fsynced. Makes missing folders. False if `path` is not there."""
    make_folder_durably(target.parent)
    try:
        path.replace(target)
    except FileNotFoundError:
        return False
    sync_folder(target.parent)
    sync_folder(path.parent)
    return True


def make_folder_durably(folder: Path) -> None:
    """Make a folder and its parents; the entries of new ones are fsynced."""
    if folder.is_dir():
        return
    make_folder_durably(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """fsync a folder, so that the names in it are durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
