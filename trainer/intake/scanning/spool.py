"""The temporary file in which the bytes of an upload wait while it is read."""

import io
from collections.abc import Iterable
from typing import BinaryIO


class Range(io.RawIOBase):
    """Some bytes of the spool, as a file to read. Others may write to the end of the spool meanwhile."""

    def __init__(self, spool: BinaryIO, offset: int, size_bytes: int) -> None:
        self._spool = spool
        self._offset = offset
        self._size_bytes = size_bytes
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size_bytes}[whence]
        if start + offset < 0:
            raise OSError("a place before the start")
        self._at = start + offset
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed asks for any buffer
        view = memoryview(buffer)
        count = max(0, min(len(view), self._size_bytes - self._at))
        self._spool.seek(self._offset + self._at)
        data = self._spool.read(count)
        view[: len(data)] = data
        self._at += len(data)
        return len(data)


def append(spool: BinaryIO, chunks: Iterable[bytes]) -> tuple[int, int]:
    """Offset and size of what was written to the end of the spool; the chunks may be read from the spool itself."""
    offset = spool.seek(0, io.SEEK_END)
    size_bytes = 0
    for chunk in chunks:
        spool.seek(offset + size_bytes)
        spool.write(chunk)
        size_bytes += len(chunk)
    return offset, size_bytes
