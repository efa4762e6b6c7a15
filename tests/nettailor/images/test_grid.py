"""Every way that samples lie in files, against readers that are not ours: tifffile and OpenCV."""

import io
import itertools
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from nettailor.errors import ImageInvalid
from nettailor.images import decode
from tests.nettailor.images.files import bare_tiff, encoded, png, rgb_tags, tiff

SHAPE = (19, 23)
Array = NDArray[Any]


def samples(kind: str, bits: int, *channels: int) -> Array:
    """All values of so many bits, in integers of a kind."""
    rng = np.random.default_rng(bits)
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if kind.startswith("i") else (0, 2**bits)
    found = rng.integers(low, high, (*SHAPE, *channels))
    found[0, 0], found[0, 1] = low, high - 1
    return found.astype(kind)


def levels(values: Array, bits: int) -> Array:
    """0..255: the upper eight of the bits in use, with the least value as black."""
    wide = values.astype(np.int64)
    if np.issubdtype(values.dtype, np.signedinteger):
        wide += 2 ** (bits - 1)
    shown = wide >> (bits - 8)
    return np.repeat(shown[..., np.newaxis], 3, axis=2) if shown.ndim == 2 else shown


def shown(data: bytes) -> Array:
    return np.asarray(decode(data).pixels).astype(np.int64)


def on_white(colours: Array, alpha: Array) -> Array:
    share = alpha[..., np.newaxis] / 255
    return colours * share + 255 * (1 - share)


LAYOUTS = [
    {"byteorder": order, "compression": compression, "tile": tile, "bigtiff": big}
    for order, compression, tile, big in itertools.product("<>", (None, "deflate"), (None, (16, 16)), (False, True))
]
TIFF_COMPRESSIONS = [
    (cv2.IMWRITE_TIFF_COMPRESSION, compression)
    for compression in (
        cv2.IMWRITE_TIFF_COMPRESSION_LZW,
        cv2.IMWRITE_TIFF_COMPRESSION_PACKBITS,
        cv2.IMWRITE_TIFF_COMPRESSION_ADOBE_DEFLATE,
    )
]
GREYS = [
    *(("u1", 8), ("u2", 8), ("u2", 10), ("u2", 12), ("u2", 14), ("u2", 16)),
    *(("i1", 8), ("i2", 8), ("i2", 10), ("i2", 12), ("i2", 14), ("i2", 16), ("i4", 12), ("i4", 16)),
]


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("interpretation", ["minisblack", "miniswhite"])
def test_grey_tiffs(layout: dict[str, object], interpretation: str) -> None:
    for kind, bits in GREYS:
        data = tiff(samples(kind, bits), photometric=interpretation, **layout)
        expected = levels(tifffile.imread(io.BytesIO(data)), bits)
        expected = 255 - expected if interpretation == "miniswhite" else expected
        np.testing.assert_array_equal(shown(data), expected, f"{kind} of {bits} bits")


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("arrangement", ["contig", "separate"])
def test_colour_tiffs(layout: dict[str, object], arrangement: str) -> None:
    bands = [(3, None), (4, ("unspecified",)), (5, ("unspecified", "unspecified")), (4, ("unassalpha",))]
    for (kind, bits), (channels, extra) in itertools.product((("u1", 8), ("u2", 8), ("u2", 12), ("u2", 16)), bands):
        if (kind, channels, arrangement) == ("u2", 5, "contig"):
            continue  # refused, below
        values = samples(kind, bits, channels)
        if arrangement == "separate":
            values = np.ascontiguousarray(np.moveaxis(values, -1, 0))
        options = layout if extra is None else layout | {"extrasamples": extra}
        data = tiff(values, photometric="rgb", planarconfig=arrangement, **options)
        found = tifffile.imread(io.BytesIO(data))
        found = np.moveaxis(found, 0, -1) if arrangement == "separate" else found
        expected = levels(found, bits)
        if extra == ("unassalpha",):
            expected = on_white(expected[..., :3], expected[..., 3])
        difference = np.abs(shown(data) - expected[..., :3]).max()
        assert difference <= (1 if extra == ("unassalpha",) else 0), f"{channels} {kind} of {bits} bits, {extra}"


@pytest.mark.parametrize(
    ("values", "options", "reason"),
    [
        (samples("u2", 16, 5), {"photometric": "rgb", "extrasamples": (0, 0)}, "5 samples of 16 bits"),
        (samples("u1", 8, 4), {"photometric": "minisblack", "planarconfig": "contig"}, "4 bands that are neither"),
        (samples("u2", 16, 3), {"photometric": "minisblack", "planarconfig": "contig"}, "3 bands that are neither"),
        (
            np.moveaxis(samples("u2", 16, 4), -1, 0),
            {"photometric": "separated", "planarconfig": "separate"},
            "plane by",
        ),
        (samples("u1", 8).astype("f4"), {}, "unknown range"),
        (samples("u1", 8).astype("f8"), {}, "unknown range"),
        (samples("u1", 8).astype("c8"), {}, "TIFF of a kind"),
        (samples("u1", 8).astype("u4"), {"byteorder": ">"}, "TIFF of a kind"),
    ],
)
def test_tiffs_that_are_not_read_say_why(values: Array, options: dict[str, object], reason: str) -> None:
    with pytest.raises(ImageInvalid, match=reason):
        decode(tiff(values, **options))


def test_cmyk_that_is_multispectral_is_refused() -> None:
    inks = {262: (3, [5]), 258: (3, [8] * 4), 277: (3, [4]), 332: (3, [2])}
    with pytest.raises(ImageInvalid, match="inks are other than"):
        decode(bare_tiff((rgb_tags(4, 4) | inks, bytes(64))))
    assert shown(bare_tiff((rgb_tags(4, 4) | inks | {332: (3, [1])}, bytes(64)))).min() == 255


@pytest.mark.parametrize("extra", [{}, {338: (3, [0])}], ids=["unnamed", "unspecified"])
def test_a_fourth_band_that_nobody_calls_alpha_is_none(extra: dict[int, tuple[int, list[int]]]) -> None:
    values = samples("u1", 8, 4)
    data = bare_tiff((rgb_tags(SHAPE[1], SHAPE[0]) | {258: (3, [8] * 4), 277: (3, [4])} | extra, values.tobytes()))
    np.testing.assert_array_equal(tifffile.imread(io.BytesIO(data)), values)
    np.testing.assert_array_equal(shown(data), values[..., :3].astype(int))


def test_packed_samples_of_12_bits() -> None:
    values = samples("u2", 12)[:, :22].astype(int)
    pairs = values.reshape(-1, 2)
    packed = np.stack([pairs[:, 0] >> 4, (pairs[:, 0] & 15) << 4 | pairs[:, 1] >> 8, pairs[:, 1] & 255], axis=-1)
    grey = {256: (3, [22]), 257: (3, [19]), 258: (3, [12]), 277: (3, [1]), 278: (3, [19]), 259: (3, [1])}
    for interpretation in (0, 1):
        data = bare_tiff((grey | {262: (3, [interpretation])}, packed.astype(np.uint8).tobytes()))
        expected = levels(values.astype(np.uint16), 12)
        np.testing.assert_array_equal(shown(data), expected if interpretation else 255 - expected)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("interlaced", [False, True])
def test_16_bit_pngs(channels: int, bits: int, interlaced: bool) -> None:
    values = samples("u2", bits, *([channels] if channels > 1 else []))
    data = png(values, interlaced=interlaced)
    if channels == 2:  # which OpenCV has no place for
        expected = on_white(levels(values[..., 0], bits), levels(values[..., 1], bits)[..., 0])
    else:
        read = opencv(data)
        np.testing.assert_array_equal(read, values)
        expected = levels(read, bits)
        expected = on_white(expected[..., :3], expected[..., 3]) if channels == 4 else expected
    assert np.abs(shown(data) - expected).max() <= (1 if channels in (2, 4) else 0)


def opencv(data: bytes) -> Array:
    """As OpenCV reads a file, in the order RGB."""
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert found is not None
    return turned_round(found)


def through_opencv(values: Array, suffix: str, *options: int) -> bytes:
    ok, data = cv2.imencode(suffix, turned_round(values), options)
    assert ok
    return data.tobytes()


def turned_round(values: Array) -> Array:
    return values if values.ndim == 2 else np.ascontiguousarray(values[..., [2, 1, 0, *range(3, values.shape[2])]])


@pytest.mark.parametrize(
    ("suffix", "kind", "channels", "options"),
    [
        *itertools.product((".png",), ("u1", "u2"), (1, 3), ((),)),
        *itertools.product((".pgm",), ("u1", "u2"), (1,), ((),)),
        *itertools.product((".ppm",), ("u1", "u2"), (3,), ((),)),
        *itertools.product((".bmp",), ("u1",), (1, 3), ((),)),
        (".webp", "u1", 3, (cv2.IMWRITE_WEBP_QUALITY, 101)),  # lossless
        *itertools.product((".tiff",), ("u1", "u2"), (1, 3), TIFF_COMPRESSIONS),
    ],
)
def test_what_opencv_writes_and_reads(suffix: str, kind: str, channels: int, options: tuple[int, ...]) -> None:
    for bits in (8,) if kind == "u1" else (8, 10, 12, 14, 16):
        values = samples(kind, bits, *([channels] if channels > 1 else []))
        data = through_opencv(values, suffix, *options)
        found = opencv(data)
        np.testing.assert_array_equal(found, values)
        np.testing.assert_array_equal(shown(data), levels(found, bits), f"{bits} bits")


@pytest.mark.parametrize(("maximum", "digits"), [(255, "5"), (1023, "5"), (4095, "2"), (100, "5"), (40_000, "2")])
@pytest.mark.parametrize("share", [1, 0.2])
def test_pnms_state_their_white(maximum: int, digits: str, share: float) -> None:
    values = np.linspace(0, share * maximum, SHAPE[0] * SHAPE[1]).round().astype(np.uint16).reshape(SHAPE)
    header = f"P{digits}\n{SHAPE[1]} {SHAPE[0]}\n{maximum}\n".encode()
    binary = values.astype(">u2" if maximum > 255 else "u1").tobytes()
    data = header + (binary if digits == "5" else " ".join(map(str, values.ravel().tolist())).encode())
    expected = np.repeat(values[..., np.newaxis], 3, axis=2) * (255 / maximum)
    assert np.abs(shown(data) - expected).max() <= 1


@pytest.mark.parametrize(
    ("format", "mode"),
    [*itertools.product(("JPEG", "WEBP", "AVIF"), ("L", "RGB")), *itertools.product(("GIF", "PNG"), ("1", "L", "P"))],
)
def test_what_pillow_writes_opencv_sees_as_well(format: str, mode: str) -> None:
    image = Image.fromarray(samples("u1", 8, 3)).resize((60, 50)).convert(mode)
    is_lossless = format in ("GIF", "PNG")
    data = encoded(image, format, **({} if is_lossless else {"quality": 95}))
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert found is not None
    assert np.abs(shown(data) - turned_round(found).astype(int)).max() <= (0 if is_lossless else 3)
