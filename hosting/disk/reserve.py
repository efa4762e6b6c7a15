"""The part of a disk that is kept free: uploads and publishes are refused before they take it, so that what is small
and must be written still can be (Redis's append-only file, records of jobs and versions)."""

import errno
import shutil
from collections.abc import Sequence
from pathlib import Path

from hosting.errors import InsufficientStorage, ReserveNearlyGone

MIB = 2**20
_MOST_BYTES, _SHARE_OF_DISK = 256 * MIB, 0.02  # the default is the smaller one
_ALARM_SHARE = 0.5  # of the reserve: with less than this free a service is not ready
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def is_full(error: OSError) -> bool:
    """Whether a write failed because the disk, or the user's quota on it, is full."""
    return error.errno in _FULL


class DiskReserve:
    """Looks at the disks that the folders are on. `reserve_bytes` is None for the default, by the size of each."""

    def __init__(self, folders: Sequence[Path], reserve_bytes: int | None = None) -> None:
        self._folders = tuple(folders)
        self._reserve_bytes = reserve_bytes

    def check(self, coming_bytes: int = 0) -> None:
        """Raises `InsufficientStorage` if the reserve would be touched by writing so many bytes more."""
        for folder in self._folders:
            free, reserve = self._figures(folder)
            if free - coming_bytes < reserve:
                needed = f"{_mib(coming_bytes)} are needed and " if coming_bytes else ""
                raise InsufficientStorage(
                    f"{needed}{_mib(free)} are free, of which {_mib(reserve)} are kept in reserve"
                )

    def check_alarm(self) -> None:
        """Raises `ReserveNearlyGone` when so much of the reserve is gone that somebody has to act."""
        for folder in self._folders:
            free, reserve = self._figures(folder)
            if free < reserve * _ALARM_SHARE:
                raise ReserveNearlyGone(f"{_mib(free)} are free, and {_mib(reserve)} should be")

    def _figures(self, folder: Path) -> tuple[int, int]:
        """Free bytes, and those to be kept free."""
        usage = shutil.disk_usage(next(place for place in (folder, *folder.parents) if place.exists()))
        if self._reserve_bytes is not None:
            return usage.free, self._reserve_bytes
        return usage.free, min(_MOST_BYTES, int(usage.total * _SHARE_OF_DISK))


NO_RESERVE = DiskReserve([])


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / MIB:,.1f} MiB"
