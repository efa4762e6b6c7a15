"""Named immutable files on any fsspec file system; on a local folder every write is durable."""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from hosting.telemetry.redaction import without_secrets
from nettailor.durable import TEMPORARY_PREFIX, create_durably, move_durably, write_durably
from registry.errors import StoreUnavailable, StoreUnusable
from registry.storage.faults import reaching
from registry.storage.remote import RemoteFiles

CHUNK_BYTES = 1 << 20
_NO_BUCKET = "there is no bucket {!r}"


class Store:
    """Files under one root, by key (`a/b/c`).

    Raises `FileNotFoundError` for missing keys, `StoreUnavailable` (an `OSError`) where that cannot be told or anything
    else fails, `OSError` where a disk is full. Credentials, endpoints and retries are fsspec's own settings
    (`FSSPEC_S3`, for one).
    """

    def __init__(self, url: str) -> None:
        """`url` is a folder's path or what fsspec understands, `s3://bucket/prefix` for one. Raises `StoreUnusable`."""
        try:
            # Without its cache of listings: other processes write here too.
            filesystem, root = fsspec.url_to_fs(url, use_listings_cache=False)
        except (ImportError, ValueError, TypeError, OSError) as fault:  # no package, no such scheme, no such setting
            raise StoreUnusable(without_secrets(url), " ".join(str(fault).split())) from fault
        self.url = without_secrets(url)
        self.protocols: tuple[str, ...] = (
            filesystem.protocol if isinstance(filesystem.protocol, tuple) else (filesystem.protocol,)
        )
        self._root: str = root.rstrip("/")
        self._remote = None if isinstance(filesystem, LocalFileSystem) else RemoteFiles(filesystem)
        self._bucket = self._root.partition("/")[0]
        if self._remote is not None and "://" in url and not self._root.strip("/") and "memory" not in self.protocols:
            raise StoreUnusable(self.url, "it names no bucket")

    def write(self, key: str, data: bytes) -> None:
        """Write or replace a whole file."""
        with reaching(), self._into_bucket():
            if self._remote is None:
                write_durably(Path(self._path(key)), [data])
            else:
                self._remote.write(self._path(key), data)

    def write_file(self, key: str, source: Path) -> None:
        """Copy a local file in."""
        with reaching():
            if self._remote is None:
                with source.open("rb") as file:
                    write_durably(Path(self._path(key)), iter(lambda: file.read(CHUNK_BYTES), b""))
            else:
                with self._into_bucket():
                    self._remote.write_file(self._path(key), source)

    def create(self, key: str, data: bytes) -> bool:
        """Write a file that is not there yet; of several, with different bytes, one wins and the others get False."""
        with reaching(), self._into_bucket():
            if self._remote is None:
                return create_durably(Path(self._path(key)), data)
            try:
                self._remote.create(self._path(key), data)
            except Exception:  # FileExistsError from most; some stores word their refusal otherwise
                if not self.exists(key):
                    raise
                return self.read(key) == data  # ours, if the answer to our first try got lost and it was tried again
            return True

    def touch(self, key: str) -> bool:
        """Make a file's time of modification now; False where only writing it again does that, or if it is gone."""
        if self._remote is not None:
            return False
        try:
            with reaching():
                os.utime(self._path(key))
        except FileNotFoundError:
            return False
        return True

    def move(self, key: str, to: str) -> bool:
        """Rename a file; False, and nothing done, if it is gone or was replaced meanwhile.

        Where there is no rename it is copied and deleted; one put there between the last look and the deletion is lost.
        """
        source, target = self._path(key), self._path(to)
        with reaching():
            if self._remote is None:
                return move_durably(Path(source), Path(target))
            return self._remote.move(source, target)

    def read(self, key: str) -> bytes:
        with reaching(), self._if_there():
            path = self._path(key)
            return Path(path).read_bytes() if self._remote is None else self._remote.read(path)

    def chunks(self, key: str) -> Iterator[bytes]:
        """The file piece by piece."""
        with reaching(), self._if_there():
            if self._remote is None:
                with open(self._path(key), "rb") as file:
                    while chunk := file.read(CHUNK_BYTES):
                        yield chunk
            else:
                yield from self._remote.chunks(self._path(key))

    def exists(self, key: str) -> bool:
        """Whether there is such a file; a store that cannot tell raises."""
        path = self._path(key)
        try:
            with reaching(), self._if_there():
                if self._remote is None:
                    return stat.S_ISREG(os.stat(path).st_mode)
                return bool(self._remote.info(path)["type"] == "file")
        except FileNotFoundError:
            return False

    def size_bytes(self, key: str) -> int:
        with reaching(), self._if_there():
            path = self._path(key)
            return os.stat(path).st_size if self._remote is None else int(self._remote.info(path)["size"])

    def modified_at(self, key: str) -> float:
        """Seconds since the epoch, by the store's clock."""
        with reaching(), self._if_there():
            path = self._path(key)
            return os.stat(path).st_mtime if self._remote is None else self._remote.modified_at(path)

    def delete(self, key: str) -> None:
        with reaching(), contextlib.suppress(FileNotFoundError):
            if self._remote is None:
                os.unlink(self._path(key))
            else:
                self._remote.delete(self._path(key))

    def names(self, folder: str) -> list[str]:
        """Sorted names directly under a folder; none if there is no such folder."""
        path = self._path(folder)
        try:
            with reaching(), self._if_there():
                found = os.listdir(path) if self._remote is None else self._remote.paths(path)
        except FileNotFoundError:
            return []
        names = (each.rstrip("/").rsplit("/", 1)[-1] for each in found)
        return sorted(name for name in names if not name.startswith(TEMPORARY_PREFIX))

    @contextlib.contextmanager
    def _if_there(self) -> Iterator[None]:
        """What a missing bucket lacks is not known to be missing: it may be the bucket's name that is wrong."""
        try:
            yield
        except FileNotFoundError:
            if self._remote is not None and not self._remote.has_bucket(self._bucket):
                raise StoreUnavailable(_NO_BUCKET.format(self._bucket)) from None
            raise

    @contextlib.contextmanager
    def _into_bucket(self) -> Iterator[None]:
        """Nothing that is written needs another file to be there, only the bucket."""
        try:
            yield
        except FileNotFoundError:
            if self._remote is None:
                raise
            raise StoreUnavailable(_NO_BUCKET.format(self._bucket)) from None

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}"
