import io
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nettailor.errors import ImageInvalid
from nettailor.images import decode, normalise, prepare
from nettailor.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from tests.pictures import huge_png

PRE = Preprocessing(resize=40, crop=32, mean=IMAGENET_MEAN, std=IMAGENET_STD)


def encoded(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P", "RGBA", "LA", "CMYK", "I;16"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    grey = np.full((10, 12), 200 * 256 if mode == "I;16" else 200, np.uint16 if mode == "I;16" else np.uint8)
    image = Image.fromarray(grey) if mode == "I;16" else Image.fromarray(grey).convert(mode)
    result = decode(encoded(image, "TIFF" if mode == "CMYK" else "PNG"))
    assert (result.mode, result.size) == ("RGB", (12, 10))
    assert np.asarray(result).max() >= 195


def test_transparency_lies_on_white() -> None:
    assert np.asarray(decode(encoded(Image.new("RGBA", (4, 4), (0, 0, 0, 0))))).min() == 255


def test_exif_orientation_is_applied() -> None:
    image = Image.new("RGB", (20, 10))
    exif = image.getexif()
    exif[0x0112] = 6
    assert decode(encoded(image, "JPEG", exif=exif)).size == (10, 20)


def test_a_hundred_megapixels_are_refused_before_decoding() -> None:
    with pytest.raises(ImageInvalid, match="10000 x 10000 pixels, the limit is"):
        decode(huge_png(10_000, 10_000))


@pytest.mark.parametrize("data", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"%!PS-Adobe-3.0 EPSF-3.0\n"])
def test_what_is_no_image_is_refused(data: bytes) -> None:
    with pytest.raises(ImageInvalid, match="not a readable image"):
        decode(data)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_files_raise_nothing_else(data: st.DataObject) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    whole = bytearray(encoded(Image.fromarray(noise), data.draw(st.sampled_from(["PNG", "JPEG", "GIF"]))))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ImageInvalid):
        decode(bytes(whole[: data.draw(st.integers(1, len(whole)))]))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90))
def test_any_size_is_prepared(width: int, height: int) -> None:
    assert prepare(Image.new("RGB", (width, height)), PRE).shape == (3, 32, 32)


def test_prepare_equals_resizing_the_whole_and_cropping() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 90, 3)).astype(np.uint8)
    image = Image.fromarray(noise).resize((180, 120), Image.Resampling.BICUBIC)
    slow = image.resize((60, 40), Image.Resampling.BILINEAR).crop((14, 4, 46, 36))
    fast = prepare(image, PRE).transpose(1, 2, 0).astype(int)
    assert np.abs(fast - np.asarray(slow).astype(int)).max() <= 2


def test_normalise() -> None:
    batch = np.full((1, 3, 2, 2), 255, np.uint8)
    expected = (1 - np.array(IMAGENET_MEAN)) / np.array(IMAGENET_STD)
    np.testing.assert_allclose(normalise(batch, PRE)[0, :, 0, 0], expected, rtol=1e-6)
