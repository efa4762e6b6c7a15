"""ICC profiles made by code, of colours whose conversion to sRGB has a closed form."""

import struct

import numpy as np
from numpy.typing import NDArray

D50 = (0.9642, 1.0, 0.8249)
_D65 = (0.95047, 1.0, 1.08883)
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
DISPLAY_P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
ADOBE_RGB = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))

Primaries = tuple[tuple[float, float], ...]


def rgb_to_xyz(primaries: Primaries) -> NDArray[np.float64]:
    """(3, 3), with the white of D65 seen as that of D50, as profiles have it."""
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
    matrix = columns * np.linalg.solve(columns, _D65)
    gains = (_BRADFORD @ D50) / (_BRADFORD @ _D65)
    adapted: NDArray[np.float64] = np.linalg.inv(_BRADFORD) @ np.diag(gains) @ _BRADFORD @ matrix
    return adapted


def rgb_profile(primaries: Primaries, *, gamma: float | None = None, brightness: float = 1, more: bytes = b"") -> bytes:
    """With the tone curve of sRGB, or a power; with more in it that says nothing."""
    curve = _srgb_curve() if gamma is None else _gamma_curve(gamma)
    colorants = dict(
        zip((b"rXYZ", b"gXYZ", b"bXYZ"), (_xyz(brightness * c) for c in rgb_to_xyz(primaries).T), strict=True)
    )
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    return _profile(b"mntr", b"RGB ", b"XYZ ", colorants | curves | ({b"more": more} if more else {}))


def grey_profile(gamma: float) -> bytes:
    return _profile(b"mntr", b"GRAY", b"XYZ ", {b"kTRC": _gamma_curve(gamma)})


def cmyk_profile(corners: dict[tuple[int, int, int, int], tuple[float, float, float]]) -> bytes:
    """Of the Lab colour that each mixture of full inks has; what is between is mixed linearly. The corners that are
    left out are black."""
    identity = bytes(range(256))
    lattice = bytearray()
    for index in range(16):
        key = (index >> 3 & 1, index >> 2 & 1, index >> 1 & 1, index & 1)
        lightness, a, b = corners.get(key, (0, 0, 0))
        lattice += bytes(round(v) for v in (lightness * 2.55, a + 128, b + 128))
    unit = struct.pack(">9i", *(65536 * (k % 4 == 0) for k in range(9)))
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + unit + 4 * identity + bytes(lattice) + 3 * identity
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"A2B0": table})


def linear(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """From sRGB's levels 0..1 to light."""
    return np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)


def as_srgb(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """From light to sRGB's levels 0..255."""
    inside = light.clip(0, 1)
    levels = np.where(inside <= 0.0031308, 12.92 * inside, 1.055 * inside ** (1 / 2.4) - 0.055)
    return 255 * levels


def _xyz(value: NDArray[np.float64] | tuple[float, ...]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(65536 * v) for v in value))


def _gamma_curve(gamma: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(256 * gamma))


def _srgb_curve() -> bytes:
    values = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    return b"para" + bytes(4) + struct.pack(">HH5i", 3, 0, *(round(65536 * v) for v in values))


def _profile(kind: bytes, colours: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    text = "made by a test".encode("utf-16-be")
    words = b"mluc" + bytes(4) + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(text), 28) + text
    tags = {b"desc": words, b"cprt": words, b"wtpt": _xyz(D50)} | tags
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        table += struct.pack(">4sII", name, start + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    version = 0x04000000 if connection == b"XYZ " else 0x02400000
    header = struct.pack(">IIIII", 128 + len(table) + len(body), 0, version, 0, 0)
    header = header[:12] + kind + colours + connection + struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp"
    header += bytes(28) + struct.pack(">3i", *(round(65536 * v) for v in D50))
    return header.ljust(128, b"\0") + table + body
