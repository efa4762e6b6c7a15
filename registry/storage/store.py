"""Named immutable files on any fsspec file system; on a local folder every write is durable."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from nettailor.durable import TEMPORARY_PREFIX, create_durably, move_durably, write_durably

CHUNK_BYTES = 1 << 20
_AHEAD_BYTES = 8 << 20  # read at once from a remote store, where a request costs tens of milliseconds


class Store:
    """Files under one root, by key (`a/b/c`). Raises `FileNotFoundError` for missing keys, `OSError` for faults.

    Credentials, endpoints and retries are fsspec's own settings (`FSSPEC_S3`, for one).
    """

    def __init__(self, url: str) -> None:
        """`url` is a folder's path or what fsspec understands, `s3://bucket/prefix` for one."""
        # Without its cache of listings: other processes write here too.
        filesystem, root = fsspec.url_to_fs(url, use_listings_cache=False)
        self.url = url
        self._fs: Any = filesystem
        self._root: str = root.rstrip("/")
        self._local = isinstance(filesystem, LocalFileSystem)

    def write(self, key: str, data: bytes) -> None:
        """Write or replace a whole file."""
        if self._local:
            write_durably(Path(self._path(key)), [data])
        else:
            self._fs.pipe_file(self._path(key), data)

    def write_file(self, key: str, source: Path) -> None:
        """Copy a local file in."""
        if self._local:
            with source.open("rb") as file:
                write_durably(Path(self._path(key)), iter(lambda: file.read(CHUNK_BYTES), b""))
        else:
            self._fs.put_file(str(source), self._path(key))

    def create(self, key: str, data: bytes) -> bool:
        """Write a file that is not there yet; of several, with different bytes, one wins and the others get False."""
        if self._local:
            return create_durably(Path(self._path(key)), data)
        try:
            self._fs.pipe_file(self._path(key), data, mode="create")
        except OSError:  # FileExistsError from AWS; other stores word their refusal otherwise
            if not self.exists(key):
                raise
            return self.read(key) == data  # ours, if the answer to our first try got lost and it was tried again
        return True

    def touch(self, key: str) -> bool:
        """Make a file's time of modification now; False where only writing it again does that, or if it is gone."""
        if not self._local:
            return False
        try:
            os.utime(self._path(key))
        except FileNotFoundError:
            return False
        return True

    def move(self, key: str, to: str) -> bool:
        """Rename a file; False, and nothing done, if it is gone or was replaced meanwhile.

        Where there is no rename it is copied and deleted; one put there between the last look and the deletion is lost.
        """
        source, target = self._path(key), self._path(to)
        if self._local:
            return move_durably(Path(source), Path(target))
        try:
            before = self._fs.ukey(source)
            self._fs.cp_file(source, target)
        except FileNotFoundError:
            return False
        if not self._is_still(source, before):
            self._fs.rm_file(target)
            return False
        self._fs.rm_file(source)
        return True

    def read(self, key: str) -> bytes:
        data: bytes = self._fs.cat_file(self._path(key))
        return data

    def chunks(self, key: str) -> Iterator[bytes]:
        """The file piece by piece."""
        with self._fs.open(self._path(key), "rb", block_size=_AHEAD_BYTES) as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk

    def exists(self, key: str) -> bool:
        return bool(self._fs.isfile(self._path(key)))

    def size_bytes(self, key: str) -> int:
        return int(self._fs.size(self._path(key)))

    def modified_at(self, key: str) -> float:
        """Seconds since the epoch, by the store's clock."""
        return float(self._fs.modified(self._path(key)).timestamp())

    def delete(self, key: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._fs.rm_file(self._path(key))

    def names(self, folder: str) -> list[str]:
        """Sorted names directly under a folder; none if there is no such folder."""
        self._fs.invalidate_cache()
        try:
            paths: Iterable[str] = self._fs.ls(self._path(folder), detail=False)
        except FileNotFoundError:
            return []
        names = (path.rstrip("/").rsplit("/", 1)[-1] for path in paths)
        return sorted(name for name in names if not name.startswith(TEMPORARY_PREFIX))

    def _is_still(self, path: str, mark: str) -> bool:
        try:
            return bool(self._fs.ukey(path) == mark)
        except FileNotFoundError:
            return False

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}"
