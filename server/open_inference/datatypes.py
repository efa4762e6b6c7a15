"""The datatypes of tensors, and how those of variable length are laid out (torch-free).

A tensor of `BYTES` is, for each of its elements in row-major order, four bytes of length (little-endian) and as many
bytes as that says. All other datatypes have elements of one size.
"""

import struct
from collections.abc import Sequence

from server.errors import RequestMalformed

BYTES, UINT8, FP32 = "BYTES", "UINT8", "FP32"
ITEM_BYTES = {
    **dict.fromkeys(("BOOL", UINT8, "INT8"), 1),
    **dict.fromkeys(("UINT16", "INT16", "FP16", "BF16"), 2),
    **dict.fromkeys(("UINT32", "INT32", FP32), 4),
    **dict.fromkeys(("UINT64", "INT64", "FP64"), 8),
}
DATATYPES = (*ITEM_BYTES, BYTES)

_LENGTH = struct.Struct("<I")


def split_elements(raw: bytes, count: int, *, where: str) -> tuple[bytes, ...]:
    """The `count` elements of a tensor of `BYTES`. Raises `RequestMalformed`."""
    elements, place = [], 0
    for index in range(count):
        start = place + _LENGTH.size
        if start > len(raw):
            raise RequestMalformed(where, f"element {index} of {count} is not there: the data ends before its length")
        (size,) = _LENGTH.unpack_from(raw, place)
        place = start + size
        if place > len(raw):
            raise RequestMalformed(
                where,
                f"element {index} says it has {size} bytes, {len(raw) - start} follow; "
                "every element needs its length before it, four bytes, little-endian",
            )
        elements.append(raw[start:place])
    if place < len(raw):
        raise RequestMalformed(where, f"{len(raw) - place} bytes follow the last of {count} elements")
    return tuple(elements)


def joined_elements(elements: Sequence[bytes]) -> bytes:
    """The bytes of a tensor of `BYTES`."""
    return b"".join(part for element in elements for part in (_LENGTH.pack(len(element)), element))
