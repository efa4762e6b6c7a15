"""Thrift's compact protocol, as far as Parquet's footer and headers need it.

The library that reads Parquet ends the process on some footers that contradict themselves, so the few numbers that
decide whether a file is read at all are taken from it here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from trainer.intake.parquet.library import ParquetUnreadable

_DEEP = 16
_MOST_ITEMS = 400_000  # of all lists that are kept: columns of groups of rows, and the parts of their names
_STOP, _TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 0, 1, 2, 3, 7, 8, 9, 10, 12
_INTEGERS = frozenset({4, 5, 6})


class EndsTooEarly(ParquetUnreadable):
    def __init__(self) -> None:
        super().__init__("it ends too early")


@dataclass(frozen=True, kw_only=True)
class Field:
    """``kinds`` are those that it may be of in the protocol."""

    kinds: frozenset[int]
    read: Callable[["Compact"], Any]


class Compact:
    """Reads values one after the other, and no further than ``data``. Each method raises ParquetUnreadable."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0
        self._items = 0

    def struct(self, wanted: Mapping[int, "Field"], depth: int = _DEEP) -> dict[int, Any]:
        """The wanted fields by their numbers; others are skipped."""
        found: dict[int, object] = {}
        number = 0
        while (head := self._byte()) != _STOP:
            kind = head & 15
            number = number + (head >> 4) if head >> 4 else self.integer()
            if number not in wanted:
                self._skip(kind, depth)
            elif kind in wanted[number].kinds:
                found[number] = wanted[number].read(self)
            else:
                raise _damaged()
        return found

    def list(self, item: "Field") -> list[Any]:
        count, kind = self._list_head()
        if count and kind not in item.kinds:
            raise _damaged()
        self._items += count
        if self._items > _MOST_ITEMS:
            raise ParquetUnreadable("its structure has too many parts; write more rows at once (row_group_size=100)")
        return [item.read(self) for _ in range(count)]

    def integer(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def binary(self) -> bytes:
        size_bytes = self._varint()
        start = self.at
        self._pass(size_bytes)
        return self._data[start : self.at]

    def _skip(self, kind: int, depth: int) -> None:
        if not depth:
            raise _damaged()
        if kind in _INTEGERS:
            self._varint()
        elif kind == _BYTE:
            self._pass(1)
        elif kind == _DOUBLE:
            self._pass(8)
        elif kind == _BINARY:
            self._pass(self._varint())
        elif kind == _STRUCT:
            self.struct({}, depth - 1)
        elif kind in {_LIST, _SET}:
            count, inner = self._list_head()
            for _ in range(count):
                self._skip(_BYTE if inner in {_TRUE, _FALSE} else inner, depth - 1)
        elif kind not in {_TRUE, _FALSE}:
            raise _damaged()

    def _list_head(self) -> tuple[int, int]:
        """How many items, each of a byte at least, and of which kind."""
        head = self._byte()
        count = self._varint() if head >> 4 == 15 else head >> 4
        if count > len(self._data) - self.at:
            raise EndsTooEarly
        return count, head & 15

    def _varint(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise _damaged()

    def _byte(self) -> int:
        self._pass(1)
        return self._data[self.at - 1]

    def _pass(self, size_bytes: int) -> None:
        self.at += size_bytes
        if self.at > len(self._data):
            raise EndsTooEarly


def integer() -> Field:
    return Field(kinds=_INTEGERS, read=Compact.integer)


def text() -> Field:
    return Field(kinds=frozenset({_BINARY}), read=lambda data: data.binary().decode("utf-8", "replace"))


def list_of(item: Field) -> Field:
    return Field(kinds=frozenset({_LIST, _SET}), read=lambda data: data.list(item))


def struct_of(wanted: Mapping[int, Field]) -> Field:
    return Field(kinds=frozenset({_STRUCT}), read=lambda data: data.struct(wanted))


def _damaged() -> ParquetUnreadable:
    return ParquetUnreadable("its structure is damaged")
