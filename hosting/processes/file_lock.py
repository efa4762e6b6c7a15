"""Who is alive: a locked file a process, which the kernel unlocks the moment that process dies, however it dies."""

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType

_POLL_SECONDS = 0.05


class FileLock:
    """An exclusively locked file; a context manager. Works between processes that share the folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self, *, patience_seconds: float = 0.0) -> bool:
        """Lock the file, made if missing; False if another process kept it for all that time."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + patience_seconds
        while True:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            locked = _lock(descriptor)
            if locked and _is_at(descriptor, self.path):
                self._descriptor = descriptor
                return True
            os.close(descriptor)
            if not locked:
                if time.monotonic() >= deadline:
                    return False
                time.sleep(_POLL_SECONDS)

    def release(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __enter__(self) -> "FileLock":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def is_dead(path: Path) -> bool:
    """Whether the file's holder is gone. False where there is no such file: its holder may live on another machine."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return _lock(descriptor)
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether a process holds the file. Where it may not be opened, it is taken to be held.

    Askers do not stand in each other's way; who locks the file should have a moment's patience with them.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except PermissionError:
        return True
    try:
        return not _lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether the open file still has that name. Its holder may have removed it while we waited, and whoever comes
    next locks another file of the name: both would think that they hold the lock."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
