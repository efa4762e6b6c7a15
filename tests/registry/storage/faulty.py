"""A store in this process whose every call does as it is told: it works, fails, hangs, or overwrites in silence."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import fsspec
from fsspec.asyn import AsyncFileSystem
from fsspec.implementations.memory import MemoryFileSystem

SCHEME = "faulty"
BUCKET = "bucket"
URL = f"{SCHEME}://{BUCKET}/x"


class LibraryError(Exception):
    """As those of S3, Azure and Google: no `OSError`."""


class FaultyFileSystem(AsyncFileSystem):  # type: ignore[misc]  # fsspec has no types
    """A remote file system by its manners, in memory."""

    protocol = SCHEME
    cachable = False
    files = MemoryFileSystem()
    fault: Exception | None = None
    hanging: threading.Event | None = None  # calls wait for it
    overwrites = False
    has_bucket = True

    async def _info(self, path: str, **_: Any) -> Any:
        await self._answer(path)
        return {**self.files.info(path), "etag": self.files.created(path).isoformat()}

    async def _ls(self, path: str, detail: bool = True, **_: Any) -> Any:
        await self._answer(path)
        return self.files.ls(path, detail=detail)

    async def _cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> Any:
        await self._answer(path)
        return self.files.cat_file(path, start, end)

    async def _pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: Any) -> None:
        await self._answer(path)
        self.files.pipe_file(path, value, mode="overwrite" if self.overwrites else mode)

    async def _rm_file(self, path: str, **_: Any) -> None:
        await self._answer(path)
        self.files.rm_file(path)

    async def _answer(self, path: str) -> None:
        if self.hanging is not None:
            await asyncio.get_running_loop().run_in_executor(None, self.hanging.wait)
        if self.fault is not None:
            raise self.fault
        if not self.has_bucket:
            raise FileNotFoundError(path)


@contextmanager
def faulty_store() -> Iterator[type[FaultyFileSystem]]:
    """The store of `URL`, working; what is set on its class is undone."""

    class Own(FaultyFileSystem):
        files = MemoryFileSystem(skip_instance_cache=True)

    Own.files.store, Own.files.pseudo_dirs = {}, [""]  # of its own, where others share theirs
    Own.files.mkdir(f"/{BUCKET}")
    fsspec.register_implementation(SCHEME, Own, clobber=True)
    try:
        yield Own
    finally:
        if Own.hanging is not None:
            Own.hanging.set()
