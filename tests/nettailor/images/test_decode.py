import functools
import struct
from collections.abc import Callable
from contextlib import suppress
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile
from PIL.AvifImagePlugin import AvifImageFile
from PIL.TiffImagePlugin import TiffImageFile
from pillow_heif import HeifImageFile

from nettailor.errors import ImageInvalid, ImageTooLarge
from nettailor.images import decode, pixel_count, png, read_header, value_span
from nettailor.images.png import Chunk
from tests.nettailor.images.files import encoded, scene, turned
from tests.pictures import huge_png


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P", "RGBA", "LA", "CMYK", "I;16"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    grey = np.full((10, 12), 200 * 256 if mode == "I;16" else 200, np.uint16 if mode == "I;16" else np.uint8)
    image = Image.fromarray(grey) if mode == "I;16" else Image.fromarray(grey).convert(mode)
    result = decode(encoded(image, "TIFF" if mode == "CMYK" else "PNG")).pixels
    assert (result.mode, result.size) == ("RGB", (12, 10))
    assert np.asarray(result).max() >= 195


def test_transparency_lies_on_white() -> None:
    assert np.asarray(decode(encoded(Image.new("RGBA", (4, 4), (0, 0, 0, 0)))).pixels).min() == 255


def test_what_it_cannot_know_it_refuses_and_what_is_too_bright_is_white() -> None:
    with pytest.raises(ImageInvalid, match="unknown range"):
        decode(encoded(Image.new("F", (4, 4), 0.5), "TIFF"))
    assert np.asarray(decode(encoded(Image.new("I", (4, 4), 70_000), "TIFF")).pixels).min() == 255


@pytest.mark.parametrize(
    ("image", "format", "colour"),
    [
        (Image.new("CMYK", (4, 4), (255, 0, 0, 0)), "JPEG", (0, 255, 255)),
        (Image.new("LA", (4, 4), (100, 128)), "PNG", (177, 177, 177)),
        (Image.new("RGBA", (4, 4), (255, 0, 0, 128)), "WEBP", (255, 127, 127)),
        (Image.fromarray(np.full((4, 4), 40_000, np.uint16)), "PNG", (156, 156, 156)),
        (Image.fromarray(np.full((4, 4), 40_000, np.uint16)), "TIFF", (156, 156, 156)),
    ],
)
def test_colours_come_out_as_people_see_them(image: Image.Image, format: str, colour: tuple[int, int, int]) -> None:
    found = np.asarray(decode(encoded(image, format)).pixels).astype(int)
    assert np.abs(found - np.array(colour)).max() <= 4


def test_an_animation_is_its_first_frame() -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert np.asarray(decode(data).pixels)[0, 0].tolist() == [255, 0, 0]


def test_a_hundred_megapixels_are_refused_before_decoding() -> None:
    with pytest.raises(ImageInvalid, match="10000 x 10000 pixels, the limit is"):
        decode(huge_png(10_000, 10_000))


@pytest.mark.parametrize("data", [b"", b"hello", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_is_refused(data: bytes) -> None:
    with pytest.raises(ImageInvalid, match="not a readable image"):
        decode(data)


FORMATS: dict[str, dict[str, object]] = {
    "PNG": {},
    "JPEG": {},
    "GIF": {},
    "BMP": {},
    "PPM": {},
    "TIFF": {},
    "WEBP": {},
    "AVIF": {"quality": 60},
    "HEIF": {"quality": 60},
}


@functools.cache
def _noise(format: str) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    return encoded(Image.fromarray(pixels), format, **FORMATS[format])


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_damaged_files_raise_nothing_else(data: st.DataObject) -> None:
    whole = bytearray(_noise(data.draw(st.sampled_from(list(FORMATS)))))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ImageInvalid):
        decode(bytes(whole[: data.draw(st.integers(1, len(whole)))]))


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_that_lacks_pixels_is_refused_whatever_its_format(format: str) -> None:
    data = encoded(scene(60, 50), format, **FORMATS[format])
    whole = np.asarray(decode(data).pixels)
    for end in range(1, len(data) - 30, max(1, len(data) // 80)):
        try:
            found = np.asarray(decode(data[:-end]).pixels)
        except ImageInvalid:
            continue
        assert np.array_equal(found, whole), f"{end} bytes short"


@pytest.mark.parametrize("format", FORMATS)
def test_the_limit_of_pixels_is_kept_before_any_is_decoded(format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(Image.new("RGB", (64, 50)), format, **FORMATS[format])
    assert decode(data, max_pixels=64 * 50).size == (64, 50)

    def never(self: ImageFile.ImageFile) -> None:
        raise AssertionError("a pixel was decoded")

    for kind in (ImageFile.ImageFile, HeifImageFile, TiffImageFile, AvifImageFile):
        monkeypatch.setattr(kind, "load", never)
    assert pixel_count(data) == 64 * 50
    for look in (decode, pixel_count):
        with pytest.raises(ImageTooLarge, match="64 x 50 pixels, the limit is 3199"):
            look(data, max_pixels=64 * 50 - 1)


def _of_size(format: str, side: int) -> bytes:
    """A file whose header says so, and that holds nothing else."""
    if format == "GIF":
        frame = b"," + struct.pack("<HHHH", 0, 0, side, side) + b"\0\2\0;"
        return b"GIF89a" + struct.pack("<HH", side, side) + b"\0\0\0" + frame
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = [Chunk(kind=b"IHDR", data=header, is_sound=True), Chunk(kind=b"IDAT", data=b"", is_sound=True)]
    return png.SIGNATURE + b"".join(chunk.encoded() for chunk in chunks)


@pytest.mark.parametrize("format", ["PNG", "GIF"])
@pytest.mark.parametrize("look", [decode, pixel_count, value_span])
def test_a_picture_that_pillow_would_not_open_either_is_too_large(look: Callable[..., object], format: str) -> None:
    with pytest.raises(ImageTooLarge, match="more than 178956970 pixels, the limit is 40000000"):
        look(_of_size(format, 60_000))


def test_a_limit_above_pillows_own_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
    assert pixel_count(_of_size("PNG", 19_000), max_pixels=400_000_000) == 19_000**2
    with pytest.raises(ImageTooLarge, match="19000 x 19000 pixels, the limit is 40000000"):
        pixel_count(_of_size("PNG", 19_000))


def test_the_pixels_of_a_file_that_has_to_be_mended_are_counted_too() -> None:
    data = encoded(Image.new("RGB", (64, 50)), "PNG", pnginfo=None)
    spoilt = bytearray(data[:33] + b"\0\0\0\x04iCCPname\0\0\0\0" + data[33:])
    assert decode(bytes(spoilt)).size == (64, 50)
    assert pixel_count(bytes(spoilt)) == 64 * 50
    with pytest.raises(ImageTooLarge):
        pixel_count(bytes(spoilt), max_pixels=100)
    with pytest.raises(ImageInvalid, match="not a readable image"):
        pixel_count(data[:30])
    with pytest.raises(ImageInvalid, match="of no format"):
        pixel_count(b"text")


def test_reduced_or_not_the_limit_is_of_the_whole() -> None:
    with pytest.raises(ImageTooLarge):
        decode(turned(Image.new("RGB", (400, 300)), 1), side=8, max_pixels=400 * 300 - 1)


@pytest.mark.parametrize("format", [format for format in FORMATS if format != "JPEG"])
def test_other_formats_are_decoded_whole(format: str) -> None:
    found = decode(encoded(Image.new("RGB", (400, 300)), format, **FORMATS[format]), side=8)
    assert (found.pixels.size, found.size, found.reduction) == ((400, 300), (400, 300), 1)


def test_a_truncated_photograph_is_refused_reduced_or_not() -> None:
    data = turned(scene(600, 400), 1)
    for side in (None, 16):
        with pytest.raises(ImageInvalid):
            decode(data[: len(data) // 2], side=side)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "HEIF"])
@pytest.mark.parametrize("side", [None, 8])
def test_a_header_that_was_read_is_not_read_again_and_changes_nothing(format: str, side: int | None) -> None:
    data = encoded(scene(320, 240), format)
    header = read_header(data)
    with mock.patch("nettailor.images.decode.open_image", side_effect=AssertionError("opened again")):
        picture = decode(data, side=side, header=header)
    afresh = decode(data, side=side)
    assert header.pixels == pixel_count(data) == afresh.size[0] * afresh.size[1]
    assert np.array_equal(np.asarray(picture.pixels), np.asarray(afresh.pixels))
    assert (picture.size, picture.reduction, picture.origin) == (afresh.size, afresh.reduction, afresh.origin)
