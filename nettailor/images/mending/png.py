"""PNG files without the chunks that no picture needs."""

import zlib
from collections.abc import Iterator

from nettailor.images import png
from nettailor.images.png import Chunk

_SHOWN = frozenset({b"tRNS", b"sBIT", b"eXIf", b"iCCP"})  # of the ancillary chunks those that change the picture
_PROFILE_BYTES = 2**20  # as much as Pillow unpacks
_KEY_BYTES = {0: 2, 2: 6}  # of the transparent colour, by the kind of colours; a palette may have fewer than it says


def without_extras(file: bytes) -> bytes | None:
    """The critical chunks as they are, and of the others those that are sound and change the picture.

    An animation's frames go as well; what stays is the picture that any viewer shows. None where a critical chunk is
    damaged: then so is the picture. That of the pixels has a checksum of its own inside.
    """
    found = list(png.chunks(file))
    if not found or not all(chunk.is_sound for chunk in found if chunk.is_critical and chunk.kind != b"IDAT"):
        return None
    colours = found[0].data[9] if len(found[0].data) == 13 else None
    return png.SIGNATURE + b"".join(chunk.encoded() for chunk in _once(found) if _is_kept(chunk, colours))


def _once(found: list[Chunk]) -> Iterator[Chunk]:
    """Of the chunks that are not critical the first of each kind: more there may not be of those that are kept."""
    seen: set[bytes] = set()
    for chunk in found:
        if chunk.is_critical or (chunk.is_sound and chunk.kind not in seen):
            seen.add(chunk.kind)
            yield chunk


def _is_kept(chunk: Chunk, colours: int | None) -> bool:
    if chunk.is_critical:
        return True
    if chunk.kind not in _SHOWN or not chunk.is_sound:
        return False
    if chunk.kind == b"tRNS":
        return colours is not None and len(chunk.data) >= _KEY_BYTES.get(colours, 0)
    return chunk.kind != b"iCCP" or _is_readable(chunk.data)


def _is_readable(profile: bytes) -> bool:
    """Whether a compressed profile can be unpacked, and is not too large then."""
    _, _, compressed = profile.partition(b"\0")
    unpacking = zlib.decompressobj()
    try:
        unpacking.decompress(compressed[1:], _PROFILE_BYTES)
    except zlib.error:
        return False
    return compressed[:1] == b"\0" and not unpacking.unconsumed_tail
