"""The chunks of a PNG file, read without a pixel."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHUNKS = 20_000  # as many are looked at; encoders write pixels in chunks of some kilobytes


@dataclass(frozen=True, kw_only=True)
class Chunk:
    kind: bytes
    data: bytes  # as much as the file has
    is_sound: bool  # complete, with the right checksum

    @property
    def is_critical(self) -> bool:
        """Whether no picture can be shown without it."""
        return self.kind[:1].isupper()

    def encoded(self) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(self.kind + self.data))
        return struct.pack(">I", len(self.data)) + self.kind + self.data + checksum


def chunks(file: bytes) -> Iterator[Chunk]:
    """In the order of the file, up to its end or to where there is no chunk; the last may be cut off."""
    place = len(SIGNATURE)
    for _ in range(_CHUNKS):
        if place + 8 > len(file):
            return
        length, kind = struct.unpack_from(">I4s", file, place)
        if not kind.isalpha():
            return
        data = file[place + 8 : place + 8 + length]
        checksum = file[place + 8 + length : place + 12 + length]
        yield Chunk(kind=kind, data=data, is_sound=checksum == struct.pack(">I", zlib.crc32(kind + data)))
        if kind == b"IEND":
            return
        place += 12 + length


def significant_bits(file: bytes) -> int | None:
    """How many bits of its colours the file calls significant (sBIT); None where it does not say, or samples have fewer
    than 16."""
    if file[24:25] != b"\x10":  # of the header: not 16 bits a sample
        return None
    for chunk in chunks(file):
        if chunk.kind == b"sBIT" and chunk.is_sound and chunk.data:
            return max(chunk.data[:3]) if len(chunk.data) >= 3 else chunk.data[0]  # what follows is of alpha
        if chunk.kind == b"IDAT":
            return None
    return None
