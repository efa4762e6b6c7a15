import io
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nettailor.bundle.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from nettailor.errors import ImageInvalid, ImageTooLarge
from nettailor.images import Picture, decode, normalise, prepare
from tests.pictures import huge_png

PRE = Preprocessing(resize=40, crop=32, mean=IMAGENET_MEAN, std=IMAGENET_STD)


def encoded(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def picture(image: Image.Image) -> Picture:
    return Picture(pixels=image, size=image.size)


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


def test_exif_orientation_is_applied() -> None:
    image = Image.new("RGB", (20, 10))
    exif = image.getexif()
    exif[0x0112] = 6
    result = decode(encoded(image, "JPEG", exif=exif))
    assert result.size == result.pixels.size == (10, 20)


def test_a_hundred_megapixels_are_refused_before_decoding() -> None:
    with pytest.raises(ImageInvalid, match="10000 x 10000 pixels, the limit is"):
        decode(huge_png(10_000, 10_000))


@pytest.mark.parametrize("data", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"%!PS-Adobe-3.0 EPSF-3.0\n"])
def test_what_is_no_image_is_refused(data: bytes) -> None:
    with pytest.raises(ImageInvalid, match="not a readable image"):
        decode(data)


@settings(max_examples=150)
@given(st.data())
def test_damaged_files_raise_nothing_else(data: st.DataObject) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    whole = bytearray(encoded(Image.fromarray(noise), data.draw(st.sampled_from(["PNG", "JPEG", "GIF"]))))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ImageInvalid):
        decode(bytes(whole[: data.draw(st.integers(1, len(whole)))]))


@settings(max_examples=60)
@given(st.integers(1, 90), st.integers(1, 90))
def test_any_size_is_prepared(width: int, height: int) -> None:
    assert prepare(picture(Image.new("RGB", (width, height))), PRE).shape == (3, 32, 32)


def test_prepare_equals_resizing_the_whole_and_cropping() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 90, 3)).astype(np.uint8)
    image = Image.fromarray(noise).resize((180, 120), Image.Resampling.BICUBIC)
    slow = image.resize((60, 40), Image.Resampling.BILINEAR).crop((14, 4, 46, 36))
    fast = prepare(picture(image), PRE).transpose(1, 2, 0).astype(int)
    assert np.abs(fast - np.asarray(slow).astype(int)).max() <= 2


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


@settings(max_examples=30)
@given(
    width=st.integers(100, 1100),
    height=st.integers(100, 1100),
    orientation=st.integers(1, 8),
    side=st.sampled_from([8, 10, 13]),
    margin=st.sampled_from([0, 3, 4]),
    grey=st.booleans(),
    progressive=st.booleans(),
)
def test_a_reduced_jpeg_shows_the_same(
    *, width: int, height: int, orientation: int, side: int, margin: int, grey: bool, progressive: bool
) -> None:
    image = scene(width, height)
    data = turned(image.convert("L") if grey else image, orientation, progressive=progressive)
    wanted = PRE.model_copy(update={"resize": side, "crop": max(8, side - margin)})
    whole, reduced = decode(data), decode(data, side=side)
    assert reduced.size == whole.size == whole.pixels.size
    assert (whole.reduction, reduced.pixels.mode) == (1, "RGB")
    expected = max(s for s in (1, 2, 4, 8) if s == 1 or min(width, height) // s >= 20 * side)
    assert reduced.reduction == expected
    assert reduced.pixels.size == tuple(-(-length // expected) for length in whole.size)
    difference = np.abs(prepare(whole, wanted).astype(int) - prepare(reduced, wanted).astype(int))
    assert difference.mean() < 0.3


@pytest.mark.parametrize(("orientation", "shape"), [(1, (200, 150)), (6, (150, 200))])
def test_a_large_photograph_is_decoded_at_an_eighth(orientation: int, shape: tuple[int, int]) -> None:
    data = turned(Image.new("RGB", (1600, 1200)), orientation)
    small = decode(data, side=7)
    assert (small.pixels.size, small.reduction) == (shape, 8)
    assert small.size == (8 * shape[0], 8 * shape[1])
    assert [decode(data, side=side).reduction for side in (8, 15, 16, 30, 31)] == [4, 4, 2, 2, 1]
    assert prepare(small, PRE).shape == (3, 32, 32)


def test_reduced_or_not_the_limit_is_of_the_whole() -> None:
    with pytest.raises(ImageTooLarge):
        decode(turned(Image.new("RGB", (400, 300)), 1), side=8, max_pixels=400 * 300 - 1)


@pytest.mark.parametrize("format", ["PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_other_formats_are_decoded_whole(format: str) -> None:
    found = decode(encoded(Image.new("RGB", (400, 300)), format), side=8)
    assert (found.pixels.size, found.size, found.reduction) == ((400, 300), (400, 300), 1)


def test_a_truncated_photograph_is_refused_reduced_or_not() -> None:
    data = turned(scene(600, 400), 1)
    for side in (None, 16):
        with pytest.raises(ImageInvalid):
            decode(data[: len(data) // 2], side=side)


def test_normalise() -> None:
    batch = np.full((1, 3, 2, 2), 255, np.uint8)
    expected = (1 - np.array(IMAGENET_MEAN)) / np.array(IMAGENET_STD)
    np.testing.assert_allclose(normalise(batch, PRE)[0, :, 0, 0], expected, rtol=1e-6)
