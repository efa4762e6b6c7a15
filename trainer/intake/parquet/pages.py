"""The pages of a Parquet column, as their headers claim them.

The library allocates what the header of a page claims, and unpacks as much; what the footer says of a whole column need
not agree. So the headers are read here first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from trainer.intake.parquet.library import ParquetUnreadable
from trainer.intake.parquet.thrift import Compact, EndsTooEarly, integer

_USUAL_BYTES = 512
_MOST_BYTES = 16 << 20  # of a header: statistics in it may hold a whole image
# fields, by the numbers that the format gives them
_UNPACKED, _PACKED = 2, 3
_WANTED = {_UNPACKED: integer(), _PACKED: integer()}


@dataclass(frozen=True, kw_only=True)
class Page:
    packed_bytes: int
    unpacked_bytes: int


def read_pages(file: BinaryIO, start: int, size_bytes: int) -> Iterator[Page]:
    """The pages in a range of the file. Raises ParquetUnreadable."""
    end = start + size_bytes
    while start < end:
        header_bytes, page = _header(file, start)
        if min(page.packed_bytes, page.unpacked_bytes) < 0:
            raise ParquetUnreadable("the header of a page is damaged")
        yield page
        start += header_bytes + page.packed_bytes


def _header(file: BinaryIO, start: int) -> tuple[int, Page]:
    """How long it is, and what it says."""
    try:
        return _parsed(file, start, _USUAL_BYTES)
    except EndsTooEarly:
        return _parsed(file, start, _MOST_BYTES)


def _parsed(file: BinaryIO, start: int, most_bytes: int) -> tuple[int, Page]:
    file.seek(start)
    data = Compact(file.read(most_bytes))
    found = data.struct(_WANTED)
    return data.at, Page(packed_bytes=found.get(_PACKED, -1), unpacked_bytes=found.get(_UNPACKED, -1))
