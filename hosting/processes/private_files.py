"""Files of a service are for the user it runs as, and for nobody else, whatever umask it was started with."""

import os
import stat
from pathlib import Path

from hosting.errors import DataFolderUnusable

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OURS = frozenset({"blobs", "cache", "jobs", "redis", "uploads", "workers", "up.json", "up.lock", "up.log"})


def keep_files_private(data_dir: Path) -> None:
    """What this process and its children make from now on is private, and so is what is in the data folder already.

    Other users need not be kept out of every single file there: out of the folders is enough. Raises
    `DataFolderUnusable`.
    """
    os.umask(_OTHERS)
    try:
        there = list(data_dir.iterdir())
    except FileNotFoundError:
        return
    except OSError as error:
        raise DataFolderUnusable(str(data_dir), error.strerror or str(error)) from error
    _close_those_of(data_dir, there)


def _close_those_of(data_dir: Path, there: list[Path]) -> None:
    ours = [path for path in there if path.name in _OURS]
    for path in ours:
        _close(path)
    if len(ours) == len(there):  # else it is somebody's folder, in which we have some
        _close(data_dir)


def open_privately(path: str, flags: int) -> int:
    """As `opener` of `open`: a new file is this user's alone."""
    return os.open(path, flags, stat.S_IRUSR | stat.S_IWUSR)


def _close(path: Path) -> None:
    """To other users. What another user owns (a mounted volume) is that one's to close; /tmp stays everybody's."""
    found = path.lstat()
    mode = stat.S_IMODE(found.st_mode)
    if found.st_uid == os.geteuid() and mode & _OTHERS and not mode & stat.S_ISVTX and not stat.S_ISLNK(found.st_mode):
        path.chmod(mode & ~_OTHERS)
