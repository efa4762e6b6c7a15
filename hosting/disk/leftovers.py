"""Files that killed processes were writing, and how they are told from those that are being written.

Whoever writes a temporary file holds it locked (`nettailor.durable.hold`), and the kernel lets go of it when that
process dies, however it dies. Where the file system has no locks, only age tells.
"""

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nettailor.durable import TEMPORARY_PREFIX, is_held

_YOUNG_SECONDS = 5.0  # between being made and being locked lie microseconds
_YOUNG_WITHOUT_LOCKS_SECONDS = 24 * 3600.0


@dataclass(frozen=True, kw_only=True)
class Leftover:
    path: Path
    size_bytes: int


def temporaries(folder: Path) -> Iterator[Path]:
    """Every temporary file of durable writes anywhere under a folder."""
    for place, _, names in os.walk(folder):
        yield from (Path(place, name) for name in names if name.startswith(TEMPORARY_PREFIX))


def left_behind(paths: Iterable[Path], *, now: float) -> Iterator[Leftover]:
    """Those that nobody writes any more. `now` is the time (Unix)."""
    for path in paths:
        try:
            found = path.stat(follow_symlinks=False)
            held = is_held(path)
        except FileNotFoundError:  # its writer has just renamed it
            continue
        young = _YOUNG_WITHOUT_LOCKS_SECONDS if held is None else _YOUNG_SECONDS
        if stat.S_ISREG(found.st_mode) and not held and now - found.st_mtime > young:
            yield Leftover(path=path, size_bytes=found.st_size)


def remove(leftovers: Iterable[Leftover]) -> int:
    """Delete them; returns how many bytes that freed."""
    freed = 0
    for leftover in leftovers:
        with contextlib.suppress(FileNotFoundError):
            leftover.path.unlink()
            freed += leftover.size_bytes
    return freed


def size_of(folder: Path) -> int:
    """The bytes of all files under a folder."""
    size_bytes = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                size_bytes += Path(place, name).stat(follow_symlinks=False).st_size
    return size_bytes
