"""Pixels as a PNG file, by the standard library alone: whoever has an array need not have an imaging library."""

import struct
import zlib

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # by channels: grey, grey and alpha, RGB, RGBA
_LEVEL = 1  # photographs hardly get smaller by more work


def encode(pixels: bytes, width: int, height: int, channels: int) -> bytes:
    """Rows of 8-bit samples, channels last. Raises `KeyError` for a number of channels that PNG has not."""
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPES[channels], 0, 0, 0)
    stride = width * channels
    rows = b"".join(b"\x00" + pixels[at : at + stride] for at in range(0, len(pixels), stride))
    parts = (_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(rows, _LEVEL)), _chunk(b"IEND", b""))
    return _SIGNATURE + b"".join(parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
