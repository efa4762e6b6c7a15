"""The directories of a TIFF file, read without a pixel. An EXIF block is such a file as well."""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
STRIP_OFFSETS, SAMPLES, STRIP_LENGTHS, TILE_OFFSETS, TILE_LENGTHS = 273, 277, 279, 324, 325
NEW_SUBFILE_TYPE, SUBFILE_TYPE, ORIENTATION, PLANAR, SUB_DIRECTORIES = 254, 255, 274, 284, 330
MIN_SAMPLE, MAX_SAMPLE, SIGNED_MIN_SAMPLE, SIGNED_MAX_SAMPLE = 280, 281, 340, 341
INK_SET, EXTRA_SAMPLES, SAMPLE_FORMAT, COLOUR_SUBSAMPLING, DNG_VERSION = 332, 338, 339, 530, 50706

# struct's letters for the types of numbers; the others are text, bytes and fractions, which nobody asks for here
NUMBERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I", 16: "Q", 17: "q", 18: "Q"}
BYTES = {type_: struct.calcsize(letter) for type_, letter in NUMBERS.items()} | {2: 1, 5: 8, 7: 1, 10: 8}

_DIRECTORIES = 64  # as many are looked at; a scan of a thousand pages says what it is with its first ones
_ENTRIES = 1024  # of a directory that are read; real ones have some twenty
_VALUES = 32  # numbers of a tag that are read: more samples than that has no picture


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Where the values of a tag lie in the file."""

    type: int
    count: int
    offset: int

    @property
    def size_bytes(self) -> int:
        return self.count * BYTES.get(self.type, 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Directory:
    """One picture of the file, as its tags describe it."""

    data: bytes
    order: str  # struct's sign for the byte order
    entries: Mapping[int, Entry]

    def numbers(self, tag: int, most: int = _VALUES) -> tuple[float, ...]:
        """The first values of a tag; none where it is missing, no number, or points out of the file."""
        entry = self.entries.get(tag)
        if entry is None or entry.type not in NUMBERS:
            return ()
        count = min(entry.count, most)
        if entry.offset + count * BYTES[entry.type] > len(self.data):
            return ()
        return struct.unpack_from(f"{self.order}{count}{NUMBERS[entry.type]}", self.data, entry.offset)

    def number(self, tag: int, default: int) -> int:
        found = self.numbers(tag, 1)
        return found[0] if found and isinstance(found[0], int) else default

    @property
    def pixels(self) -> int:
        return self.number(WIDTH, 0) * self.number(HEIGHT, 0)


def directories(data: bytes) -> list[Directory]:
    """The file's first directories and those inside them, in the order a reader meets them; none for other bytes."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 8:
        return []
    version = struct.unpack_from(f"{order}H", data, 2)[0]
    if version not in (42, 43) or (version == 43 and len(data) < 16):
        return []
    big = version == 43
    found: list[Directory] = []
    seen: set[int] = set()
    waiting = [struct.unpack_from(f"{order}Q" if big else f"{order}I", data, 8 if big else 4)[0]]
    while waiting and len(found) < _DIRECTORIES:
        offset = waiting.pop(0)
        if offset in seen or offset == 0:
            continue
        seen.add(offset)
        try:
            directory, following = _read(data, order, big, offset)
        except struct.error:  # it reaches beyond the file
            continue
        found.append(directory)
        waiting += [following, *(inner for inner in directory.numbers(SUB_DIRECTORIES) if isinstance(inner, int))]
    return found


def _read(data: bytes, order: str, big: bool, offset: int) -> tuple[Directory, int]:
    """The directory at an offset, and the offset of the next one."""
    [count] = struct.unpack_from(f"{order}Q" if big else f"{order}H", data, _within(data, offset))
    start, step = offset + (8 if big else 2), 20 if big else 12
    end = _within(data, start + count * step)
    entries = dict(_entries(data, order, big, range(start, end, step)[:_ENTRIES]))
    following = data[end : end + (8 if big else 4)]
    directory = Directory(data=data, order=order, entries=entries)
    return directory, int.from_bytes(following, "little" if order == "<" else "big")


def _within(data: bytes, offset: int) -> int:
    if offset > len(data):
        raise struct.error("beyond the end")
    return offset


def _entries(data: bytes, order: str, big: bool, places: range) -> Iterator[tuple[int, Entry]]:
    letters, room = (f"{order}HHQ", 8) if big else (f"{order}HHI", 4)
    for place in places:
        tag, type_, count = struct.unpack_from(letters, data, place)
        inside = place + struct.calcsize(letters)
        if count * BYTES.get(type_, 1) <= room:
            yield tag, Entry(type=type_, count=count, offset=inside)
        else:
            [offset] = struct.unpack_from(f"{order}Q" if big else f"{order}I", data, inside)
            yield tag, Entry(type=type_, count=count, offset=offset)
