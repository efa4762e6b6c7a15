"""The pages of a Parquet column, as their headers claim them.

The library allocates what the header of a page claims, and unpacks as much; what the file says of a whole column need
not agree. So the headers are read here first: Thrift's compact protocol, a struct of three numbers and more that is
skipped.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from trainer.intake.parquet.library import ParquetUnreadable

_HEADER_BYTES = 16 << 20  # statistics in it may hold a whole image
_DEEP = 8
_STOP, _BYTE, _DOUBLE, _BINARY, _STRUCT = 0, 3, 7, 8, 12
_BOOLEANS = frozenset({1, 2})  # whose value is in their kind
_INTEGERS = frozenset({4, 5, 6})
_UNPACKED, _PACKED = 2, 3  # fields of a page's header


@dataclass(frozen=True, kw_only=True)
class Page:
    packed_bytes: int
    unpacked_bytes: int


def read_pages(file: BinaryIO, start: int, size_bytes: int) -> Iterator[Page]:
    """The pages in a range of the file. Raises ParquetUnreadable."""
    end = start + size_bytes
    while start < end:
        file.seek(start)
        header = _Header(file)
        numbers = header.numbers()
        page = Page(packed_bytes=numbers.get(_PACKED, -1), unpacked_bytes=numbers.get(_UNPACKED, -1))
        if min(page.packed_bytes, page.unpacked_bytes) < 0:
            raise ParquetUnreadable("the header of a page is damaged")
        yield page
        start += header.size_bytes + page.packed_bytes


class _Header:
    """One struct of the compact protocol, read from where the file stands."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size_bytes = 0

    def numbers(self) -> dict[int, int]:
        """Its whole numbers by their fields."""
        found: dict[int, int] = {}
        for field, kind in self._fields():
            if kind in _INTEGERS:
                found[field] = self._zigzag()
            else:
                self._skip(kind, _DEEP)
        return found

    def _fields(self) -> Iterator[tuple[int, int]]:
        field = 0
        while (head := self._byte()) != _STOP:
            delta, kind = head >> 4, head & 15
            field = field + delta if delta else self._zigzag()
            yield field, kind

    def _skip(self, kind: int, depth: int) -> None:
        if kind in _INTEGERS:
            self._zigzag()
        elif kind in {_BYTE, _DOUBLE, _BINARY}:
            self._pass({_BYTE: 1, _DOUBLE: 8}.get(kind) or self._varint())
        elif kind == _STRUCT and depth:
            for _, inner in self._fields():
                self._skip(inner, depth - 1)
        elif kind not in _BOOLEANS:
            raise ParquetUnreadable("the header of a page is damaged")

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def _varint(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise ParquetUnreadable("the header of a page is damaged")

    def _byte(self) -> int:
        self._count(1)
        data = self._file.read(1)
        if not data:
            raise ParquetUnreadable("it ends too early")
        return data[0]

    def _pass(self, size_bytes: int) -> None:
        self._count(size_bytes)
        self._file.seek(size_bytes, io.SEEK_CUR)

    def _count(self, size_bytes: int) -> None:
        self.size_bytes += size_bytes
        if self.size_bytes > _HEADER_BYTES:
            raise ParquetUnreadable("the header of a page is too long")
