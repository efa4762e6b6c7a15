import numpy as np
import pytest
from PIL import Image, ImageDraw

from nettailor.images import decode
from tests.nettailor.images.files import bmp_of_32_bits, encoded

COLOURS = np.random.default_rng(0).integers(0, 200, (10, 12, 3), np.uint8)


def rgba(alpha: int) -> Image.Image:
    return Image.fromarray(np.dstack([COLOURS, np.full(COLOURS.shape[:2], alpha, np.uint8)]))


def drawing(colour: tuple[int, int, int], ground: tuple[int, int, int, int] = (0, 0, 0, 0)) -> Image.Image:
    image = Image.new("RGBA", (40, 40), ground)
    ImageDraw.Draw(image).ellipse((8, 8, 30, 30), fill=(*colour, 255))
    return image


@pytest.mark.parametrize("colours", [COLOURS, np.zeros_like(COLOURS)], ids=["coloured", "black"])
def test_a_bmp_whose_alpha_is_all_zero_has_none(colours: np.ndarray) -> None:
    assert np.array_equal(np.asarray(decode(bmp_of_32_bits(colours, 0)).pixels), colours)


def test_a_bmp_with_alpha_lies_on_white() -> None:
    alpha = np.full(COLOURS.shape[:2], 255, np.uint8)
    alpha[:5] = 0
    found = np.asarray(decode(bmp_of_32_bits(COLOURS, alpha)).pixels)
    assert (found[:5] == 255).all()
    assert np.array_equal(found[5:], COLOURS[5:])


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_what_is_transparent_all_over_shows_its_colours_unless_there_is_but_one(format: str) -> None:
    assert np.array_equal(np.asarray(decode(encoded(rgba(0), format)).pixels), COLOURS)
    assert np.asarray(decode(encoded(Image.new("RGBA", (4, 4), (9, 9, 9, 0)), format)).pixels).min() == 255


@pytest.mark.parametrize("colour", [(255, 255, 255), (244, 246, 250)])
@pytest.mark.parametrize("format", ["PNG", "WEBP"])
def test_a_white_drawing_on_a_transparent_ground_vanishes(colour: tuple[int, int, int], format: str) -> None:
    assert decode(encoded(drawing(colour), format, lossless=True)).vanishes


@pytest.mark.parametrize(
    "image",
    [
        drawing((255, 255, 255), (0, 0, 0, 255)),  # on black
        drawing((255, 255, 255), (255, 255, 255, 255)),  # opaque: white is what there is
        drawing((0, 0, 0)),
        drawing((200, 220, 255)),
        Image.new("RGBA", (8, 8), (255, 255, 255, 0)),
        Image.new("RGB", (8, 8), "white"),
    ],
)
def test_other_pictures_do_not_vanish(image: Image.Image) -> None:
    assert not decode(encoded(image)).vanishes


def test_a_transparent_colour_by_name_of_a_text_is_none() -> None:
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    text.add_text("transparency", "none of it")
    assert np.array_equal(np.asarray(decode(encoded(Image.fromarray(COLOURS), pnginfo=text)).pixels), COLOURS)
