"""A file that is uploaded as it is, without an archive around it: an archive of one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

PARQUET = b"PAR1"
_CHUNK = 1 << 16


@dataclass(frozen=True, kw_only=True)
class WholeFile:
    """``name`` is made up: an upload has none."""

    name: str
    file: BinaryIO
    is_folder: bool = False

    @property
    def size_bytes(self) -> int:
        return self.file.seek(0, 2)

    def read(self) -> bytes:
        return b"".join(self.chunks())

    def chunks(self) -> Iterator[bytes]:
        self.file.seek(0)
        while chunk := self.file.read(_CHUNK):
            yield chunk
