"""The disk tier: a file a bundle, named by its id, under a byte budget (torch-free; thread-safe).

A file is its contents' sha256 (32 bytes), zeros up to `_START`, then the contents.
"""

import contextlib
import hashlib
import logging
import os
import re
import tempfile
import threading
import uuid
from pathlib import Path

from hosting.disk.leftovers import left_behind, remove
from hosting.disk.reserve import NO_RESERVE, DiskReserve
from hosting.errors import InsufficientStorage
from nettailor.durable import hold, is_held
from server.residency.buffer_pool import BufferPool
from server.residency.lru import Lru
from server.residency.tiers import BundleId, Bytes

logger = logging.getLogger(__name__)

_SUFFIX = ".folded-5"  # another number when what the files hold changes its form: older files are then thrown away
_TEMPORARY_SUFFIX = ".tmp"
_NAME = re.compile(rf"(?P<hash>[0-9a-f]{{64}})\.(?P<version>[0-9]+)(?P<int8>q?)\.(?P<task>.+){re.escape(_SUFFIX)}")
_SUM_BYTES = 32
_START = 64  # bytes: keeps the contents on a cache line
_SPARE_BYTES = 64 * 2**20  # of memory kept for the next bundles to be read


class DiskCache:
    """Keeps what an earlier process left, and verifies each file when it is first read.

    It is a cache: a full or failing disk costs speed, never an answer. It leaves the `reserve` of its disk alone.
    """

    def __init__(self, folder: Path, *, budget_bytes: int, reserve: DiskReserve = NO_RESERVE) -> None:
        self._folder = folder
        self._reserve = reserve
        self._lock = threading.Lock()
        self._shelf: Lru[BundleId, None] = Lru(budget_bytes)
        self._unverified: set[BundleId] = set()
        self._slabs = BufferPool(spare_bytes=_SPARE_BYTES)
        self._is_writable = False

    def open(self) -> None:
        """Make the folder and take stock of it; the oldest files count as least recently used.

        Where it cannot be made or written, what it holds is read and nothing is added; the log says so, once.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._folder):
                self._is_writable = True
        except OSError as failure:
            logger.warning("the disk tier in %s keeps no bundles: %s", self._folder, failure.strerror or failure)
        with self._lock, contextlib.suppress(OSError):  # a folder that is not there, or that may not be read
            files = [(path, path.stat()) for path in self._folder.iterdir() if path.is_file()]
            for path, status in sorted(files, key=lambda file: file[1].st_mtime):
                id = _id(path.name)
                if id is None:
                    if not _is_held(path):
                        _discard(path)  # a temporary file of a process that died, or of an older form
                    continue
                self._shelf.put(id, None, size_bytes=status.st_size)
                self._unverified.add(id)
            self._shrink()

    def drop_left(self, now: float) -> int:
        """Delete what other processes were writing here when they were killed; returns how many bytes that freed.
        `now` is the time (Unix)."""
        return remove(left_behind(self._folder.glob(f"*{_TEMPORARY_SUFFIX}"), now=now))

    def __contains__(self, id: BundleId) -> bool:
        with self._lock:
            return id in self._shelf

    def ids(self) -> tuple[BundleId, ...]:
        with self._lock:
            return tuple(self._shelf)

    @property
    def size_bytes(self) -> int:
        """How much all files take now."""
        with self._lock:
            return self._shelf.size_bytes

    def __len__(self) -> int:
        with self._lock:
            return len(self._shelf)

    def read(self, id: BundleId) -> Bytes | None:
        """The contents; None if they are not there, or are no longer what was written."""
        with self._lock:
            if id not in self._shelf:
                return None
            self._shelf.get(id)
            unverified = id in self._unverified
        try:
            data = self._contents(os.path.join(self._folder, _file_name(id)))
        except OSError as failure:
            logger.warning("cached bundle %s cannot be read: %s", id.digest, failure)
            self.remove(id)
            return None
        contents = data[_START:]
        if unverified and hashlib.sha256(contents.data).digest() != data[:_SUM_BYTES].tobytes():
            logger.warning("cached bundle %s is corrupt; dropped", id.digest)
            self.remove(id)
            return None
        with self._lock:
            self._unverified.discard(id)
        return contents

    def _contents(self, path: str) -> Bytes:
        # No `Path`: it interns its parts, and Python's table of interned strings grows for a while with those that come
        # and go. This is asked some hundred times a second.
        with open(path, "rb", buffering=0) as file:
            data = self._slabs.take(os.fstat(file.fileno()).st_size)
            read = 0
            while read < data.nbytes and (count := file.readinto(data[read:].data)):
                read += count
        return data[:read]

    def write(self, id: BundleId, contents: Bytes) -> list[BundleId]:
        """Keep a bundle. Returns the ids that had to go for it."""
        size_bytes = _START + contents.nbytes
        if not self._is_writable or size_bytes > self._shelf.budget_bytes:
            return []
        temporary = self._folder / f"{uuid.uuid4().hex}{_TEMPORARY_SUFFIX}"
        try:
            self._reserve.check(size_bytes)
            with temporary.open("wb") as file:
                hold(file)
                file.write(hashlib.sha256(contents.data).digest().ljust(_START, b"\0"))
                file.write(contents.data)
            temporary.replace(self._path(id))
        except (OSError, InsufficientStorage) as failure:
            logger.warning("bundle %s cannot be cached on disk: %s", id.digest, failure)
            _discard(temporary)
            return []
        with self._lock:
            self._shelf.put(id, None, size_bytes=size_bytes)
            return self._shrink()

    def remove(self, id: BundleId) -> None:
        with self._lock:
            self._shelf.remove(id)
            self._unverified.discard(id)
            _discard(self._path(id))

    def _shrink(self) -> list[BundleId]:
        gone = [id for id, _ in self._shelf.shrink()]
        for id in gone:
            self._unverified.discard(id)
            _discard(self._path(id))
        return gone

    def _path(self, id: BundleId) -> Path:
        return self._folder / _file_name(id)


def _discard(path: Path) -> None:
    """Remove a file. One that stays costs space, which is no reason to fail."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def _is_held(path: Path) -> bool:
    try:
        return bool(is_held(path))
    except OSError:  # gone, or not to be read by us
        return False


def _file_name(id: BundleId) -> str:
    precision = "q" if id.int8 else ""
    return f"{id.digest.removeprefix('sha256:')}.{id.version}{precision}.{id.task}{_SUFFIX}"


def _id(file_name: str) -> BundleId | None:
    """The id that a file's name stands for."""
    found = _NAME.fullmatch(file_name)
    if found is None:
        return None
    digest, int8 = f"sha256:{found['hash']}", bool(found["int8"])
    return BundleId(task=found["task"], version=int(found["version"]), digest=digest, int8=int8)
