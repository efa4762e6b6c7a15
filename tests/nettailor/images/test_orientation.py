import itertools
import struct

import numpy as np
import pytest
from PIL import Image

from nettailor.images import decode
from tests.nettailor.images.files import chunk, encoded, png

QUADRANTS = np.zeros((32, 48, 3), np.uint8)  # a colour for each corner
QUADRANTS[:16, :24], QUADRANTS[:16, 24:], QUADRANTS[16:, :24] = (250, 0, 0), (0, 250, 0), (0, 0, 250)
RED, GREEN, BLUE, BLACK = (250, 0, 0), (0, 250, 0), (0, 0, 250), (0, 0, 0)
# the corners as people see them, row by row
CORNERS = {
    1: (RED, GREEN, BLUE, BLACK),
    2: (GREEN, RED, BLACK, BLUE),
    3: (BLACK, BLUE, GREEN, RED),
    4: (BLUE, BLACK, RED, GREEN),
    5: (RED, BLUE, GREEN, BLACK),
    6: (BLUE, RED, BLACK, GREEN),
    7: (BLACK, GREEN, BLUE, RED),
    8: (GREEN, BLACK, RED, BLUE),
}


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", CORNERS)
def test_exif_orientation_is_applied(format: str, orientation: int) -> None:
    image = Image.fromarray(QUADRANTS)
    exif = image.getexif()
    exif[0x0112] = orientation
    picture = decode(encoded(image, format, exif=exif))
    assert picture.size == picture.pixels.size == ((48, 32) if orientation < 5 else (32, 48))
    assert picture.origin == (0, 0)
    found = np.asarray(picture.pixels).astype(int)
    height, width = found.shape[:2]
    centres = [found[y * height // 4, x * width // 4] for y, x in itertools.product((1, 3), (1, 3))]
    assert np.abs(np.array(centres) - np.array(CORNERS[orientation])).max() < 40


ODD_VALUES = list(itertools.product((0x010F, 0x011A, 0x8769, 0x8825, 0x0213), range(14), (0, 1, 5, 2**32 - 1)))


def exif_with(tag: int, type_: int, count: int, *, first: bool) -> bytes:
    odd = struct.pack(">HHII", tag, type_, count, 2**32 - 1)
    turned = struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)
    return b"MM\0*\0\0\0\x08\0\x02" + (odd + turned if first else turned + odd) + bytes(4)


@pytest.mark.parametrize("first", [False, True])
def test_an_odd_tag_beside_it_costs_neither_the_picture_nor_its_orientation(first: bool) -> None:
    for tag, type_, count in ODD_VALUES:
        exif = exif_with(tag, type_, count, first=first)
        for data in (
            png(QUADRANTS, chunk(b"eXIf", exif)),
            encoded(Image.fromarray(QUADRANTS), "JPEG", exif=b"Exif\0\0" + exif),
            encoded(Image.fromarray(QUADRANTS), "WEBP", exif=b"Exif\0\0" + exif),
        ):
            assert decode(data).size == (32, 48), (tag, type_, count)


@pytest.mark.parametrize("exif", [b"", b"Exif\0\0", b"Exif\0\0MM\0*", b"junk" * 9, b"Exif\0\0II*\0\xff\xff\xff\xff"])
def test_exif_that_is_none_costs_nothing(exif: bytes) -> None:
    image = Image.fromarray(QUADRANTS)
    assert (
        decode(encoded(image, "JPEG", exif=exif)).size == decode(png(QUADRANTS, chunk(b"eXIf", exif))).size == (48, 32)
    )
