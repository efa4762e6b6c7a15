"""A TIFF file again with one of its directories alone, and in it only the tags that pixels are made from."""

import struct
from collections.abc import Mapping, Sequence

import numpy as np

from nettailor.images.tiff.directory import BYTES, NUMBERS, Directory

_HEADER_BYTES = 8
# What a decoder needs. Dates, comments, thumbnails, geography and makers' notes are not among it.
_PICTURE_TAGS = frozenset(
    {
        *(256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284),  # size, samples, strips, orientation
        *(292, 293, 317, 320, 322, 323, 324, 325, 332, 338, 339, 347),  # fax, predictor, palette, tiles, alpha, JPEG
        *(512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532),  # old-style JPEG, YCbCr
        *(34675, 50674),  # ICC profile, LERC
    }
)
_OFFSETS = frozenset({273, 324, 513, 519, 520, 521})  # of these tags: where in the file something lies
_VALUES_BYTES = 4 * 2**20  # of a tag; a million strips have as many
_SHORT, _LONG = 3, 4
_WHOLE_NUMBERS = {_SHORT: "u2", _LONG: "u4", 13: "u4", 16: "u8", 18: "u8"}

_Field = tuple[int, int, bytes]  # type, count, values


def rewritten(
    directory: Directory, changes: Mapping[int, Sequence[int]], parts: Mapping[int, tuple[int, int]] | None = None
) -> bytes:
    """The same file behind a directory of its own, which has the picture's tags alone.

    `changes` has other values for some of them, none for one that is left out; `parts` says of which only the k-th of n
    equal parts is kept. A tag that reaches beyond the file, or is larger than any, is left out. It is a classic TIFF
    whatever it was: what fits into memory has offsets of four bytes. The pixels stay the last thing in the file, so
    that a decoder finds nothing where some are missing.
    """
    fields = {tag: _packed(values, directory.order) for tag, values in changes.items() if values}
    left_bytes = len(directory.data)  # several tags that share their values would make a large file of a small one
    for tag in sorted((directory.entries.keys() & _PICTURE_TAGS) - changes.keys()):
        field = _copied(directory, tag, *(parts or {}).get(tag, (0, 1)))
        if field is not None and len(field[2]) <= left_bytes:
            left_bytes -= len(field[2])
            fields[tag] = field
    front = len(_encoded(fields, directory.order))
    for tag in fields.keys() & _OFFSETS:
        fields[tag] = _moved(fields[tag], front, directory.order)
    return _encoded(fields, directory.order) + directory.data


def _copied(directory: Directory, tag: int, part: int, of_parts: int) -> _Field | None:
    entry = directory.entries[tag]
    is_sound = entry.type in BYTES and 0 < entry.size_bytes <= _VALUES_BYTES
    if not is_sound or entry.offset + entry.size_bytes > len(directory.data):
        return None
    count = entry.count // of_parts
    start = entry.offset + part * count * BYTES[entry.type]
    field = entry.type, count, directory.data[start : start + count * BYTES[entry.type]]
    if tag in _OFFSETS and entry.type not in _WHOLE_NUMBERS:
        return None
    is_long = tag in _OFFSETS or _WHOLE_NUMBERS.get(entry.type) == "u8"
    return _moved(field, 0, directory.order) if is_long else field


def _moved(field: _Field, by: int, order: str) -> _Field:
    """Whole numbers plus another, in four bytes each; further on there is nothing."""
    type_, count, values = field
    numbers = np.frombuffer(values, order + _WHOLE_NUMBERS[type_]).astype(np.uint64)
    return _LONG, count, (numbers + np.uint64(by)).clip(max=2**32 - 1).astype(f"{order}u4").tobytes()


def _packed(values: Sequence[int], order: str) -> _Field:
    type_ = _SHORT if max(values) < 2**16 else _LONG
    return type_, len(values), struct.pack(f"{order}{len(values)}{NUMBERS[type_]}", *values)


def _encoded(fields: Mapping[int, _Field], order: str) -> bytes:
    """The start of a file: its header, a directory, and the values that do not fit into it."""
    entries, behind = b"", bytearray()
    after = _HEADER_BYTES + 2 + 12 * len(fields) + 4
    for tag, (type_, count, values) in sorted(fields.items()):
        entries += struct.pack(f"{order}HHI", tag, type_, count)
        if len(values) <= 4:
            entries += values.ljust(4, b"\0")
        else:
            entries += struct.pack(f"{order}I", after + len(behind))
            behind += values + bytes(len(values) % 2)
    header = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, _HEADER_BYTES)
    return header + struct.pack(f"{order}H", len(fields)) + entries + bytes(4) + behind
