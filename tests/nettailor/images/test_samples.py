import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from nettailor.bundle.preprocessing import ValueRange
from nettailor.images import common_range, decode, value_span
from tests.nettailor.images.files import Tags, bare_tiff, chunk, encoded, png, tiff

SHAPE = (12, 15)


def greys(bits: int, *channels: int) -> NDArray[np.uint16]:
    found = np.random.default_rng(bits).integers(0, 2**bits, (*SHAPE, *channels)).astype(np.uint16)
    found[0, 0], found[0, 1] = 1, 2**bits - 1
    return found


def shown(data: bytes, value_range: ValueRange | None = None) -> NDArray[np.int64]:
    return np.asarray(decode(data, value_range=value_range).pixels).astype(np.int64)


def significant(bits: int, channels: int = 1) -> bytes:
    return chunk(b"sBIT", bytes([bits] * min(3, channels) + [16] * (channels == 4)))


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dark", [1, 3])
def test_sbit_with_the_samples_in_the_lower_bits(bits: int, channels: int, dark: int) -> None:
    values = greys(bits, *([3] if channels == 3 else [])) >> dark  # a dark picture: its own range would be another
    data = png(values, significant(bits, channels))
    expected = values >> (bits - 8)
    assert np.array_equal(shown(data), expected if channels == 3 else np.dstack([expected] * 3))
    assert value_span(data) is None


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
@pytest.mark.parametrize("dark", [1, 4, 6])
@pytest.mark.parametrize("replicated", [False, True])
def test_sbit_with_the_samples_in_the_upper_bits(bits: int, dark: int, replicated: bool) -> None:
    values = greys(bits) >> dark
    upper = values << (16 - bits) | (values >> (2 * bits - 16) if replicated else 0)
    assert np.array_equal(shown(png(upper, significant(bits))), np.dstack([upper >> 8] * 3))


@pytest.mark.parametrize("tag", [281, 341])
@pytest.mark.parametrize("white", [1023, 3000, 4095, 10_000])
def test_tiffs_that_state_their_white(tag: int, white: int) -> None:
    values = (greys(16).astype(np.int64) * white >> 17).astype(np.uint16)  # half as bright as they might be
    for channels in (1, 3):
        colours = values if channels == 1 else np.dstack([values] * 3)
        data = tiff(colours, extratags=[(tag, 3, channels, (white,) * channels, True)])
        assert np.array_equal(shown(data), np.dstack([values.astype(np.int64) * 256 // (white + 1)] * 3))
        assert value_span(data) is None


def test_a_stated_black() -> None:
    values = (greys(8) + 20_000).astype(np.uint16)
    data = tiff(values, extratags=[(280, 3, 1, 20_000, True), (281, 3, 1, 20_255, True)])
    assert np.array_equal(shown(data), np.dstack([values - 20_000] * 3))
    signed = (greys(12).astype(np.int16) - 1024).astype(np.int16)
    data = tiff(signed, extratags=[(340, 8, 1, -1024, True), (341, 8, 1, 3071, True)])
    assert np.array_equal(shown(data), np.dstack([greys(12) >> 4] * 3))


def test_a_statement_that_the_samples_contradict_counts_for_nothing() -> None:
    data = tiff(greys(12), extratags=[(281, 3, 1, 100, True)])
    assert np.array_equal(shown(data), np.dstack([greys(12) >> 4] * 3))
    assert value_span(data) == (int(greys(12).min()), 4095)


def test_a_white_of_all_16_bits_was_never_looked_at() -> None:
    data = tiff(greys(10), extratags=[(281, 3, 1, 65535, True)])
    assert np.array_equal(shown(data), np.dstack([greys(10) >> 2] * 3))


@pytest.mark.parametrize("kind", ["grey png", "colour png", "grey tiff", "colour tiff", "planar tiff", "ppm"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_what_states_nothing_is_scaled_by_the_data_sets_range(kind: str, bits: int) -> None:
    grey = greys(bits) >> 2
    values = grey if kind.startswith("grey") else np.dstack([grey, grey, grey])
    match kind:
        case "ppm":
            data = b"P6 %d %d 65535\n" % (SHAPE[1], SHAPE[0]) + values.astype(">u2").tobytes()
        case "planar tiff":
            data = tiff(np.ascontiguousarray(np.moveaxis(values, -1, 0)), photometric="rgb", planarconfig="separate")
        case _:
            data = png(values) if "png" in kind else tiff(values)
    alone = (int(grey.min()), int(grey.max()))
    span = value_span(data)
    assert span is not None
    assert span == alone or (bits == 16 and (span[0] <= alone[0], span[1] - alone[1] < 256))  # by the upper bytes
    brightest = (0, 2**bits - 1)
    assert common_range([span, brightest, brightest]) == brightest  # others of the set are brighter
    assert np.array_equal(shown(data, brightest), np.dstack([grey >> (bits - 8)] * 3))
    assert shown(data).max() >= 31  # alone it is not black either


def test_a_file_of_8_bits_has_no_span_and_is_not_scaled() -> None:
    image = Image.fromarray(np.arange(180, dtype=np.uint8).reshape(SHAPE))
    for format in ("PNG", "TIFF", "BMP", "PPM"):
        data = encoded(image, format)
        assert value_span(data) is None
        assert np.array_equal(shown(data, (0, 1023)), shown(data))


def test_a_span_is_found_in_a_file_that_has_to_be_mended() -> None:
    broken = chunk(b"tEXt", b"a\0b", checksum=1)
    assert value_span(png(greys(12), broken)) == (int(greys(12).min()), 4095)
    assert value_span(png(greys(12).astype(np.uint8), broken)) is None


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("bits", [10, 16])
def test_a_transparent_colour_of_16_bits(colour: bool, bits: int) -> None:
    values = np.full((*SHAPE, 3) if colour else SHAPE, 2**bits - 257, np.uint16)
    values[:4] -= 1  # a colour that differs in the lower byte alone
    key = np.atleast_1d(values[-1, -1]).astype(">u2").tobytes()
    found = shown(png(values, chunk(b"tRNS", key)))
    assert (found[4:] == 255).all()
    assert (found[:4] < 255).all()


def test_alpha_is_scaled_by_its_own_bits() -> None:
    colours = greys(12, 3)
    for opaque in (4095, 65535):
        alpha = np.full(SHAPE, opaque, np.uint16)
        alpha[0] = 0
        found = shown(png(np.dstack([colours, alpha])))
        assert np.array_equal(found[1:], colours[1:] >> 4)
        assert (found[0] == 255).all()


def test_signed_bytes_are_not_taken_for_bright_ones() -> None:
    values = np.arange(-128, 128, dtype=np.int8).reshape(16, 16)
    assert np.array_equal(shown(tiff(values)), np.dstack([values.astype(int) + 128] * 3))


def test_unsigned_samples_of_32_bits() -> None:
    values = np.array([[0, 300], [70_000, 2**32 - 1]], np.uint32)
    assert shown(tiff(values))[..., 0].tolist() == [[0, 1], [255, 255]]
    assert value_span(tiff(values)) == (0, 2**32 - 1)


def test_a_tiff_may_say_anything_of_its_samples() -> None:
    numbers = {256: 4, 257: 4, 258: 16, 259: 1, 262: 1, 277: 1, 278: 4}
    grey: Tags = {tag: (3, [number]) for tag, number in numbers.items()}
    odd = ((281, 12, float("nan")), (341, 11, float("inf")), (341, 12, 1e300), (280, 4, 2**32 - 1))
    for tag, type_, value in odd:
        data = bare_tiff(({**grey, tag: (type_, [value])}, b"\x34\x02" * 16))
        assert (shown(data) == 0x234 >> 2).all()


def test_what_pillow_reads_as_16_bits_it_still_does() -> None:
    """Not a fact of ours, but what the doubled decoding of colours rests on."""
    data = png(greys(16, 3))
    upper = np.asarray(Image.open(io.BytesIO(data)))
    assert np.array_equal(upper, greys(16, 3) >> 8)
