"""The footer of a Parquet file: where in it the columns lie."""

import struct
from dataclasses import dataclass
from typing import BinaryIO

from trainer.intake.parquet.library import ParquetUnreadable
from trainer.intake.parquet.thrift import Compact, integer, list_of, struct_of, text

MAGIC = b"PAR1"
_END_BYTES = 8  # the size of the footer, and the magic bytes again
_MOST_BYTES = 32 << 20
# fields of the structs, by the numbers that the format gives them
_ROW_GROUPS, _COLUMNS, _METADATA, _PATH, _PACKED, _DATA_PAGE, _DICTIONARY_PAGE = 4, 1, 3, 3, 7, 9, 11
_CHUNK = struct_of({_PATH: list_of(text()), _PACKED: integer(), _DATA_PAGE: integer(), _DICTIONARY_PAGE: integer()})
_FILE = {_ROW_GROUPS: list_of(struct_of({_COLUMNS: list_of(struct_of({_METADATA: _CHUNK}))}))}


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """The part of a column that lies in one group of rows; ``path`` is that of the column: ``image.bytes``."""

    path: str
    start: int
    size_bytes: int


def read_chunks(file: BinaryIO) -> list[Chunk]:
    """Raises ParquetUnreadable."""
    groups = Compact(_footer(file)).struct(_FILE).get(_ROW_GROUPS, [])
    return [_chunk(column.get(_METADATA, {})) for group in groups for column in group.get(_COLUMNS, [])]


def _chunk(found: dict[int, object]) -> Chunk:
    path, size_bytes = found.get(_PATH), found.get(_PACKED)
    starts = [start for field in (_DATA_PAGE, _DICTIONARY_PAGE) if isinstance(start := found.get(field), int)]
    usable = [start for start in starts if start > 0]
    if not (isinstance(path, list) and isinstance(size_bytes, int) and usable and size_bytes >= 0):
        raise ParquetUnreadable("its footer does not say where its columns are")
    return Chunk(path=".".join(path), start=min(usable), size_bytes=size_bytes)


def _footer(file: BinaryIO) -> bytes:
    file_bytes = file.seek(0, 2)
    file.seek(max(0, file_bytes - _END_BYTES))
    end = file.read(_END_BYTES)
    if len(end) < _END_BYTES or end[4:] != MAGIC:
        raise ParquetUnreadable("it has no footer; it may be cut off")
    (size_bytes,) = struct.unpack("<I", end[:4])
    if size_bytes > min(_MOST_BYTES, file_bytes - _END_BYTES):
        raise ParquetUnreadable("its footer is too long")
    file.seek(file_bytes - _END_BYTES - size_bytes)
    return file.read(size_bytes)
