"""The frames of the link: a head, a document of JSON, and bytes that JSON would only make longer (torch-free).

    u32 bytes of the document | u32 bytes of the tail | u16 kind | u16 zero | u64 request      little endian
    the document
    the tail

A request's number is chosen by the front, counts upwards on one link and is never used again there; 0 is no request's.
"""

import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from server.errors import LinkBroken

VERSION = 1  # of all that is said on a link; both ends say theirs first, and end it where they differ

HEAD = struct.Struct("<IIHHQ")
_MOST_BYTES = 2**28  # of a document, of a tail: more is a fault of the other end
_EMPTY: Mapping[str, Any] = {}


class Kind(IntEnum):
    """F: said by the front, E: by the engine. Every request begins with RESERVE or COUNT, and ends with exactly one of
    the kinds marked (end), after which the engine reads nothing of the request's images any more."""

    HELLO = 1  # F  version, front; with it goes the file of the pool
    WELCOME = 2  # E  version; with it goes the file of the board
    RESERVE = 3  # F  targets, images, deadline
    RESERVED = 4  # E  versions, groups
    DESCRIBE = 5  # F  digests of versions that the front has not met before
    DESCRIBED = 6  # E  preprocessing and classes by digest
    SUBMIT = 7  # F  where the images of each group are in the pool, and the options
    CANCEL = 8  # F  nobody waits for the request any more
    ANSWERED = 9  # E  (end) answers; tail: class indices (i32), then probabilities (f64)
    FAILED = 10  # E  (end) error, text, members
    RELEASED = 11  # E  (end) the answer to CANCEL, unless one of the others was under way
    COUNT = 12  # F  target
    COUNTED = 13  # E  (end) classes
    REPORT = 14  # F  what was counted since the last report
    TELL = 15  # E  asks for a report now; it has the number that the report is to carry


ENDS = frozenset({Kind.ANSWERED, Kind.FAILED, Kind.RELEASED, Kind.COUNTED})


@dataclass(frozen=True, kw_only=True)
class Frame:
    kind: Kind
    request: int = 0
    document: Mapping[str, Any] = field(default_factory=dict)
    tail: bytes = b""

    def encoded(self) -> bytes:
        document = json.dumps(self.document, separators=(",", ":")).encode() if self.document else b""
        return HEAD.pack(len(document), len(self.tail), self.kind, 0, self.request) + document + self.tail


class FrameReader:
    """Takes bytes as they come and gives whole frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Raises `LinkBroken` for what is no frame."""
        self._buffer += data
        place = 0
        try:
            while (frame := self._frame_at(place)) is not None:
                place += frame[1]
                yield frame[0]
        finally:
            del self._buffer[:place]

    def _frame_at(self, place: int) -> tuple[Frame, int] | None:
        """The frame that begins there, and its length; None while some of it is missing."""
        if len(self._buffer) - place < HEAD.size:
            return None
        document_size, tail_size, kind, _, request = HEAD.unpack_from(self._buffer, place)
        if max(document_size, tail_size) > _MOST_BYTES:
            raise LinkBroken("a frame is longer than any")
        size = HEAD.size + document_size + tail_size
        if len(self._buffer) - place < size:
            return None
        middle = place + HEAD.size + document_size
        try:
            text = bytes(self._buffer[place + HEAD.size : middle])
            document = json.loads(text) if text else _EMPTY
            if not isinstance(document, dict):
                raise ValueError("its document is no object")
            frame = Frame(
                kind=Kind(kind), request=request, document=document, tail=bytes(self._buffer[middle : place + size])
            )
        except ValueError as error:
            raise LinkBroken(f"a frame of kind {kind} cannot be read: {error}") from error
        return frame, size
