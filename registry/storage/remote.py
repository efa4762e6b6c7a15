"""A remote file system: fsspec's, whose every call ends in time.

The libraries under fsspec wait for minutes where nothing answers, each with settings of its own. What limits a call
here is the same for all of them, so that whoever asks is told in seconds.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fsspec.asyn import AsyncFileSystem, sync

_PATIENCE_SECONDS = 20.0  # of a call that carries little, retries within the library included
_SLOWEST_BYTES_PER_SECOND = 128 << 10  # what carries more has the time that it takes at this rate as well
_AHEAD_BYTES = 8 << 20  # read at once, as a request costs tens of milliseconds
_MODIFIED = ("LastModified", "last_modified", "mtime")  # as S3, Azure and Google have it

Info = Mapping[str, Any]


class RemoteFiles:
    """Files by path. Raises `FileNotFoundError`, and for all else whatever the library raises."""

    def __init__(self, filesystem: Any) -> None:
        self._fs = filesystem
        self._ends_in_time = isinstance(filesystem, AsyncFileSystem)

    def info(self, path: str) -> Info:
        found: Info = self._call("info", path)
        return found

    def read(self, path: str) -> bytes:
        data: bytes = self._call("cat_file", path)
        return data

    def chunks(self, path: str) -> Iterator[bytes]:
        size = int(self.info(path)["size"])
        for start in range(0, size, _AHEAD_BYTES):
            end = min(start + _AHEAD_BYTES, size)
            yield self._call("cat_file", path, start=start, end=end, size_bytes=end - start)

    def write(self, path: str, data: bytes) -> None:
        self._call("pipe_file", path, data, size_bytes=len(data))

    def create(self, path: str, data: bytes) -> None:
        """Raises where there is a file already: `FileExistsError`, or something else of the library's."""
        self._call("pipe_file", path, data, mode="create", size_bytes=len(data))

    def write_file(self, path: str, source: Path) -> None:
        self._call("put_file", str(source), path, size_bytes=source.stat().st_size)

    def move(self, path: str, target: str) -> bool:
        """Copy and delete; False, and nothing done, if the file is gone or was replaced meanwhile."""
        try:
            before = self.info(path)
            self._call("cp_file", path, target, size_bytes=int(before["size"]))
        except FileNotFoundError:
            return False
        if not self._is_still(path, before):
            self.delete(target)
            return False
        self.delete(path)
        return True

    def delete(self, path: str) -> None:
        self._call("rm_file", path)

    def modified_at(self, path: str) -> float:
        info = self.info(path)
        modified = next((info[name] for name in _MODIFIED if name in info), None)
        return float((modified if modified is not None else self._fs.modified(path)).timestamp())

    def paths(self, folder: str) -> list[str]:
        self._fs.invalidate_cache()
        found: list[str] = self._call("ls", folder, detail=False)
        return found

    def has_bucket(self, bucket: str) -> bool:
        """Whether there is such a bucket (a container, on Azure). One that may not be looked at is taken to be there:
        not everybody who may use its files may ask about itself."""
        try:
            self._call("info", bucket)
        except FileNotFoundError:
            return self._can_be_listed(bucket)  # gcsfs takes an empty one that may not be looked at for a missing one
        except Exception:  # the libraries have no error in common
            return True
        return True

    def _can_be_listed(self, bucket: str) -> bool:
        try:
            self.paths(bucket)
        except FileNotFoundError:
            return False
        except Exception:  # the same
            return True
        return True

    def _is_still(self, path: str, before: Info) -> bool:
        try:
            return _mark(self.info(path)) == _mark(before)
        except FileNotFoundError:
            return False

    def _call(self, method: str, *arguments: Any, size_bytes: int = 0, **options: Any) -> Any:
        if not self._ends_in_time:
            return getattr(self._fs, method)(*arguments, **options)
        seconds = _PATIENCE_SECONDS + size_bytes / _SLOWEST_BYTES_PER_SECOND
        return sync(self._fs.loop, getattr(self._fs, f"_{method}"), *arguments, timeout=seconds, **options)


def _mark(info: Info) -> str:
    """What changes whenever the file is written."""
    return str(info.get("ETag") or info.get("etag") or info)
