"""Members of zip archives that are packed with bzip2, unpacked in steps.

The standard library's reader unpacks all that it has read at once, and four kilobytes of bzip2 may stand for a hundred
megabytes.
"""

import bz2
import copy
import zipfile
import zlib
from types import TracebackType
from typing import Self

_CHUNK = 1 << 16


class Bunzip2:
    """A member as a file; `read` gives at most as many bytes as it is asked for, and checks the CRC at the end."""

    def __init__(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
        """Raises BadZipFile and the like, as ``archive.open`` does."""
        packed = copy.copy(entry)  # the same bytes, as if they had been stored as they are
        packed.compress_type, packed.file_size = zipfile.ZIP_STORED, entry.compress_size
        del packed.CRC  # that of the unpacked bytes
        self._packed = archive.open(packed)
        self._engine = bz2.BZ2Decompressor()
        self._checksum = 0
        self._expected_checksum = entry.CRC

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._packed.close()

    def read(self, size: int, /) -> bytes:
        """Empty only at the end. Raises EOFError, OSError, BadZipFile."""
        while size and not self._engine.eof:
            data = self._engine.decompress(self._source(), size)
            if data:
                self._checksum = zlib.crc32(data, self._checksum)
                return data
        if size and self._checksum != self._expected_checksum:
            raise zipfile.BadZipFile("its bytes are not those that were packed (CRC)")
        return b""

    def _source(self) -> bytes:
        if not self._engine.needs_input:
            return b""
        source = self._packed.read(_CHUNK)
        if not source:
            raise EOFError("the bzip2 stream ends too early")
        return source
