"""How much a message may hold, told from its bytes before it is parsed.

The parser makes an object of every part of a message, and a part can be as short as two bytes. So a large message is
walked first, along its own lengths, which passes over images without a look at them.
"""

from collections.abc import Iterator, Mapping

from server.errors import RequestMalformed

KIB, MIB = 2**10, 2**20

SMALL_BYTES = 64 * KIB  # a message that is no longer may hold what it likes
_MOST_PARTS = 4096
_MOST_TYPED_BYTES = 2 * MIB  # of numbers as typed contents, which the event loop parses one by one
_MOST_OTHER_BYTES = 64 * KIB  # of all that is in no tensor

_BYTES_OF_KIND = {1: 8, 5: 4}  # of fixed lengths, by wire type
_VARINT, _LENGTH_DELIMITED = 0, 2
_LONGEST_VARINT = 10

# Where tensors are, by the number of a field: what it holds itself (`None`: nothing but bytes).
_Tree = Mapping[int, "_Tree | None"]
_BYTES_CONTENTS = 8
_CONTENTS: _Tree = {_BYTES_CONTENTS: None}
_INPUT: _Tree = {5: _CONTENTS}
_REQUEST: _Tree = {5: _INPUT, 7: None}


def check_infer_request(raw: bytes) -> None:
    """Raises `RequestMalformed` for a `ModelInferRequest` that would become much more than its bytes."""
    if len(raw) <= SMALL_BYTES:
        return
    walk = _Walk(raw)
    walk.check(0, len(raw), _REQUEST)


class _Walk:
    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._parts = 0
        self._typed_bytes = 0
        self._other_bytes = 0

    def check(self, start: int, end: int, tree: _Tree) -> None:
        for tag, begin, stop in self._fields(start, end):
            # Of another wire type, it is a field that the parser does not know, whatever its number.
            inner = tree.get(tag >> 3, {}) if tag & 7 == _LENGTH_DELIMITED else {}
            if inner:
                self.check(begin, stop, inner)
            elif inner is not None:
                self._count(stop - begin, typed=tree is _CONTENTS)

    def _count(self, size: int, *, typed: bool) -> None:
        self._typed_bytes += size if typed else 0
        self._other_bytes += 0 if typed else size
        if self._typed_bytes > _MOST_TYPED_BYTES:
            reason = f"more than {_MOST_TYPED_BYTES} bytes of typed contents; send raw_input_contents"
            raise RequestMalformed("inputs", reason)
        if self._other_bytes > _MOST_OTHER_BYTES:
            raise RequestMalformed("message", f"more than {_MOST_OTHER_BYTES} bytes of it are in no tensor")

    def _fields(self, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        """The tag of each field, its number and wire type, and where its value begins and ends."""
        place = start
        while place < end:
            self._parts += 1
            if self._parts > _MOST_PARTS:
                raise RequestMalformed("message", f"it has more than {_MOST_PARTS} parts; tensors go packed, or raw")
            tag, place = self._varint(place, end)
            size, place = self._size(tag & 7, place, end)
            if place + size > end:
                raise RequestMalformed("message", "it ends within a field")
            yield tag, place, place + size
            place += size

    def _size(self, kind: int, place: int, end: int) -> tuple[int, int]:
        """The bytes of a value of a wire type, and where they begin."""
        if kind == _LENGTH_DELIMITED:
            return self._varint(place, end)
        if kind == _VARINT:
            _, after = self._varint(place, end)
            return after - place, place
        if kind not in _BYTES_OF_KIND:
            raise RequestMalformed("message", f"wire type {kind} is none of the protocol's")
        return _BYTES_OF_KIND[kind], place

    def _varint(self, place: int, end: int) -> tuple[int, int]:
        value = 0
        for index, byte in enumerate(self._raw[place : min(end, place + _LONGEST_VARINT)]):
            value |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                return value, place + index + 1
        raise RequestMalformed("message", "it ends within a number")
