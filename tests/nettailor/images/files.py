"""Image files made by code, with whatever is in them: as encoders make them, and as no encoder does."""

import io
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pillow_heif
import tifffile
from numpy.typing import NDArray
from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOURS = {1: 0, 2: 4, 3: 2, 4: 6}  # PNG's number for the kind of colours, by channels


def encoded(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    if format == "HEIF":
        pillow_heif.from_pillow(image).save(buffer, **options)
    else:
        image.save(buffer, format, **options)
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes, *, checksum: int | None = None) -> bytes:
    found = zlib.crc32(kind + data) if checksum is None else checksum
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", found)


# where each pass of an interlaced file begins, and its steps: down, across
_PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


def png(samples: NDArray[Any], *before: bytes, after: Sequence[bytes] = (), interlaced: bool = False) -> bytes:
    """(H, W) or (H, W, channels) of 8 or 16 bits, with chunks before and after that of the pixels."""
    height, width = samples.shape[:2]
    colours = _COLOURS[samples.shape[2] if samples.ndim == 3 else 1]
    header = struct.pack(">IIBBBBB", width, height, 8 * samples.itemsize, colours, 0, 0, int(interlaced))
    big_endian = samples.astype(samples.dtype.newbyteorder(">"))
    passes = [big_endian[y::dy, x::dx] for y, x, dy, dx in _PASSES] if interlaced else [big_endian]
    rows = [row for part in passes if part.size for row in part]
    pixels = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    chunks = [chunk(b"IHDR", header), *before, chunk(b"IDAT", pixels), *after, chunk(b"IEND", b"")]
    return SIGNATURE + b"".join(chunks)


def tiff(samples: NDArray[Any], **options: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, samples, **options)
    return buffer.getvalue()


Tags = Mapping[int, tuple[int, Sequence[float]]]  # type, values
_LETTERS = {1: "B", 3: "H", 4: "I", 7: "B", 11: "f", 12: "d", 13: "I"}


def bare_tiff(*directories: tuple[Tags, bytes], inside: bool = False) -> bytes:
    """A little-endian TIFF of directories, each with its pixels as they lie there, one after the other; or the rest of
    them inside the first."""
    data, following = bytearray(b"II*\0\0\0\0\0"), 4
    for number, (tags, pixels) in enumerate(directories):
        start = len(data)
        data += pixels + bytes(len(pixels) % 2)
        own = {273: (4, [start]), 279: (4, [len(pixels)]), **tags}
        if inside and number == 0:
            own[330] = (13, [0])
        struct.pack_into("<I", data, following, len(data))
        end, link = _add_directory(data, own)
        following = link if inside and number == 0 else end
    return bytes(data)


def _add_directory(data: bytearray, tags: Tags) -> tuple[int, int]:
    """Where the place of the next directory goes, and that of the first one inside."""
    place, behind, link = len(data), b"", 0
    after = place + 2 + 12 * len(tags) + 4
    data += struct.pack("<H", len(tags))
    for tag, (type_, values) in sorted(tags.items()):
        packed = struct.pack(f"<{len(values)}{_LETTERS[type_]}", *values)
        data += struct.pack("<HHI", tag, type_, len(values))
        link = len(data) if tag == 330 else link
        data += packed.ljust(4, b"\0") if len(packed) <= 4 else struct.pack("<I", after + len(behind))
        behind += packed + bytes(len(packed) % 2) if len(packed) > 4 else b""
    data += bytes(4) + behind
    return after - 4, link


def rgb_tags(width: int, height: int) -> dict[int, tuple[int, Sequence[float]]]:
    return {
        256: (3, [width]),
        257: (3, [height]),
        258: (3, [8, 8, 8]),
        259: (3, [1]),
        262: (3, [2]),
        277: (3, [3]),
        278: (3, [height]),
    }


def bmp_of_32_bits(colours: NDArray[np.uint8], alpha: int | NDArray[np.uint8]) -> bytes:
    """With the header that gives the fourth byte to alpha."""
    height, width = colours.shape[:2]
    pixels = np.dstack([colours[..., ::-1], np.broadcast_to(np.uint8(alpha), (height, width))])[::-1].tobytes()
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = struct.pack("<IiiHHIIiiII", 108, width, height, 1, 32, 3, len(pixels), 2835, 2835, 0, 0)
    header += masks + b"BGRs" + bytes(48)
    return struct.pack("<2sIHHI", b"BM", 14 + len(header) + len(pixels), 0, 0, 14 + len(header)) + header + pixels


def scene(width: int, height: int) -> Image.Image:
    """Coarse shapes, fine texture and grain, nothing of it symmetrical."""
    rng = np.random.default_rng(width * 10_000 + height)
    layers = [
        np.asarray(
            Image.fromarray(rng.integers(0, 256, (cells, cells, 3), np.uint8)).resize((width, height)), np.float32
        )
        for cells in (3, 12, 48)
    ]
    grain = rng.normal(0, 8, (height, width, 1))
    return Image.fromarray((0.5 * layers[0] + 0.3 * layers[1] + 0.2 * layers[2] + grain).clip(0, 255).astype(np.uint8))


def turned(image: Image.Image, orientation: int, **options: object) -> bytes:
    exif = image.getexif()
    exif[0x0112] = orientation
    return encoded(image, "JPEG", exif=exif, quality=90, **options)
