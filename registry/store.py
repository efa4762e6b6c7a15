"""Named immutable files on any fsspec file system; on a local folder every write is durable."""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from nettailor.durable import TEMPORARY_PREFIX, create_durably, write_durably

CHUNK_BYTES = 1 << 20


class Store:
    """Files under one root, by key (`a/b/c`). Raises `FileNotFoundError` for missing keys, `OSError` for faults."""

    def __init__(self, url: str) -> None:
        """`url` is a folder's path or what fsspec understands, `s3://bucket/prefix` for one."""
        filesystem, root = fsspec.url_to_fs(url)
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
        """Write a file that is not there yet; of several writers one wins and the others get False."""
        if self._local:
            return create_durably(Path(self._path(key)), data)
        try:
            self._fs.pipe_file(self._path(key), data, mode="create")
        except FileExistsError:
            return False
        return True

    def read(self, key: str) -> bytes:
        data: bytes = self._fs.cat_file(self._path(key))
        return data

    def chunks(self, key: str) -> Iterator[bytes]:
        """The file piece by piece."""
        with self._fs.open(self._path(key), "rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk

    def exists(self, key: str) -> bool:
        return bool(self._fs.isfile(self._path(key)))

    def size_bytes(self, key: str) -> int:
        return int(self._fs.size(self._path(key)))

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

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}"
