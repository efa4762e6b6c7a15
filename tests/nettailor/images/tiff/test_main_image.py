import re
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nettailor.errors import ImageInvalid
from nettailor.images import decode
from nettailor.images.tiff.directory import directories
from nettailor.images.tiff.rewrite import rewritten
from tests.costs import inputs
from tests.nettailor.images.files import Tags, bare_tiff, encoded, rgb_tags, scene, tiff

LARGE = np.asarray(scene(80, 60))
SMALL = np.asarray(scene(80, 60).resize((20, 15)))


def directory(pixels: np.ndarray, tags: Tags | None = None) -> tuple[Tags, bytes]:
    height, width = pixels.shape[:2]
    return {**rgb_tags(width, height), **(tags or {})}, pixels.tobytes()


def shown(data: bytes) -> np.ndarray:
    return np.asarray(decode(data).pixels)


REDUCED: Tags = {254: (4, [1])}
OLD_REDUCED: Tags = {255: (3, [2])}


@pytest.mark.parametrize("tags", [REDUCED, OLD_REDUCED, {}], ids=["new tag", "old tag", "no tag"])
@pytest.mark.parametrize("inside", [False, True], ids=["in a row", "inside"])
def test_a_thumbnail_in_front_is_not_the_picture(tags: Tags, inside: bool) -> None:
    assert np.array_equal(shown(bare_tiff(directory(SMALL, tags), directory(LARGE), inside=inside)), LARGE)


def test_a_thumbnail_may_have_another_shape() -> None:
    square = np.asarray(scene(30, 30))
    for small in (square, np.asarray(scene(700, 20))):
        for tags in (REDUCED, OLD_REDUCED):
            assert np.array_equal(shown(bare_tiff(directory(small, tags), directory(LARGE))), LARGE)


def test_the_largest_of_several_follows_a_thumbnail() -> None:
    middle = np.asarray(scene(80, 60).resize((40, 30)))
    mask: Tags = {254: (4, [4])}
    pages = [directory(SMALL, REDUCED), directory(middle), directory(LARGE), directory(LARGE[::-1].copy(), mask)]
    assert np.array_equal(shown(bare_tiff(*pages)), LARGE)


def test_pages_are_no_thumbnails_of_each_other() -> None:
    for other in (scene(160, 80), scene(30, 20), scene(81, 60), scene(120, 90)):
        assert np.array_equal(shown(bare_tiff(directory(LARGE), directory(np.asarray(other)))), LARGE)
    page = np.asarray(scene(600, 450))
    assert np.array_equal(shown(bare_tiff(directory(page), directory(np.asarray(scene(1200, 900))))), page)


def test_what_is_nothing_but_reduced_is_shown() -> None:
    assert np.array_equal(shown(bare_tiff(directory(SMALL, REDUCED))), SMALL)


def test_the_limit_of_pixels_is_that_of_the_picture() -> None:
    data = bare_tiff(directory(SMALL, REDUCED), directory(LARGE))
    with pytest.raises(ImageInvalid, match="80 x 60 pixels, the limit is"):
        decode(data, max_pixels=4000)


@pytest.mark.parametrize("sensor", [32803, 34892])
def test_camera_raw_files_say_what_they_are(sensor: int) -> None:
    mosaic: Tags = {**rgb_tags(80, 60), 258: (3, [16]), 277: (3, [1]), 262: (3, [sensor])}
    dng: Tags = {50706: (1, [1, 4, 0, 0])}
    raw = (mosaic, bytes(9600))
    for data in (
        bare_tiff(directory(SMALL, {**REDUCED, **dng}), raw, inside=True),
        bare_tiff(directory(SMALL, REDUCED), raw, inside=True),
        bare_tiff(directory(LARGE, dng)),
        bare_tiff(raw),
    ):
        with pytest.raises(ImageInvalid, match="a camera's raw file"):
            decode(data)


def test_a_canon_raw_file() -> None:
    data = bytearray(tiff(LARGE, metadata=None, bigtiff=False))
    assert decode(bytes(data)).size == (80, 60)
    moved = data[:8] + b"CR\2\0\0\0\0\0" + data[8:]
    first = int.from_bytes(moved[4:8], "little") + 8
    moved[4:8] = first.to_bytes(4, "little")
    with pytest.raises(ImageInvalid, match="a camera's raw file"):
        decode(bytes(moved))


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({262: (3, [4]), 258: (3, [1]), 277: (3, [1])}, "a mask, not a picture"),
        ({262: (3, [6])}, "YCbCr with fewer colour samples"),
        ({277: (4, [2**31])}, "2147483648 samples of 8 bits"),
        ({258: (4, [2**32 - 1] * 3)}, "3 samples of 4294967295 bits"),
        ({258: (3, [0, 0, 0])}, "3 samples of 0 bits"),
        ({259: (3, [34712])}, "compression 34712"),
        ({284: (3, [2]), 338: (3, [1]), 277: (3, [4]), 258: (3, [8] * 4)}, "multiplied by its transparency"),
    ],
)
def test_what_is_not_read_says_why(tags: Tags, reason: str) -> None:
    with pytest.raises(ImageInvalid, match=re.escape(reason)):
        decode(bare_tiff(directory(LARGE, tags)))


def test_ycbcr_with_all_samples() -> None:
    grey = np.dstack([LARGE[..., 0], np.full_like(LARGE[..., :2], 128)])
    found = shown(bare_tiff(directory(grey, {262: (3, [6]), 530: (3, [1, 1])})))
    assert np.abs(found.astype(int) - LARGE[..., :1]).max() <= 1


def test_colours_multiplied_by_alpha_lie_on_white() -> None:
    alpha = np.full(LARGE.shape[:2], 128, np.uint8)
    multiplied = (LARGE.astype(int) * 128 // 255).astype(np.uint8)
    tags: Tags = {258: (3, [8] * 4), 277: (3, [4]), 338: (3, [1])}
    found = shown(bare_tiff(directory(np.dstack([multiplied, alpha]), tags)))
    assert np.abs(found.astype(int) - (multiplied.astype(int) + 127)).max() <= 3


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_16_bit_colours_multiplied_by_alpha(compression: str | None) -> None:
    alpha = np.full(LARGE.shape[:2], 65_535, np.uint16)
    alpha[:9] = 0
    colours = np.where(alpha[..., np.newaxis] > 0, LARGE.astype(np.uint16) << 8, 0).astype(np.uint16)
    values = np.dstack([colours, alpha])
    options = {"photometric": "rgb", "extrasamples": ("assocalpha",), "compression": compression}
    found = shown(tiff(values, **options))
    assert (found[:9] == 255).all()
    assert np.abs(found[9:].astype(int) - LARGE[9:]).max() <= 1
    with pytest.raises(ImageInvalid, match="transparency of fewer than 16 bits"):
        decode(tiff(values >> 4, **options))


ODD_TAGS = (
    269,
    270,
    282,
    296,
    305,
    306,
    315,
    330,
    333,
    700,
    33432,
    33723,
    34377,
    34665,
    34853,
    34675,
    37724,
    42112,
    281,
)


# How pixels are packed makes no difference to the tags around them: each once by day, three hundred odd ways each.
@pytest.mark.parametrize("compression", [None, pytest.param("deflate", marks=pytest.mark.nightly)])
@pytest.mark.parametrize("tag", ODD_TAGS)
def test_an_odd_tag_costs_nothing(tag: int, compression: str | None) -> None:
    whole = tiff(LARGE, compression=compression, metadata=None, extratags=[(65000, 4, 1, 0xABCDEF01, True)])
    place = whole.index(b"\4\0\1\0\0\0\x01\xef\xcd\xab") - 2
    for type_ in range(20):
        for count in (0, 1, 5, 2**28, 2**32 - 1):
            for value in (0, 8, 2**32 - 1):
                entry = b"".join(n.to_bytes(size, "little") for n, size in ((type_, 2), (count, 4), (value, 4)))
                odd = whole[:place] + tag.to_bytes(2, "little") + entry + whole[place + 12 :]
                assert np.array_equal(shown(odd), LARGE), (type_, count, value)


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_missing_pixels_are_not_made_up(compression: str | None) -> None:
    data = tiff(LARGE, compression=compression, metadata=None)
    for end in (1, 5, 200, 1000):
        with pytest.raises(ImageInvalid):
            decode(data[:-end])


def test_rings_of_directories_end() -> None:
    data = bytearray(bare_tiff(directory(SMALL), directory(LARGE)))
    first = int.from_bytes(data[4:8], "little")
    count = int.from_bytes(data[first : first + 2], "little")
    data[first + 2 + 12 * count : first + 6 + 12 * count] = first.to_bytes(4, "little")
    assert np.array_equal(shown(bytes(data)), SMALL)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_the_bytes_it_raises_nothing_else(data: st.DataObject) -> None:
    kinds = [
        bare_tiff(directory(SMALL, REDUCED), directory(LARGE), inside=True),
        tiff(np.moveaxis(SMALL, -1, 0).copy(), photometric="rgb", planarconfig="separate", bigtiff=True),
        tiff(SMALL[..., 0].astype(np.uint16), photometric="miniswhite", compression="deflate", byteorder=">"),
        encoded(Image.fromarray(SMALL), "TIFF", compression="jpeg"),
    ]
    file = bytearray(data.draw(st.sampled_from(kinds)))
    start = max(0, int.from_bytes(file[4:8], "little" if file[:2] == b"II" else "big") % len(file) - 8)
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(2, len(file) - 1) | st.integers(start, min(start + 250, len(file) - 1)))
        file[place] = data.draw(st.integers(0, 255))
    with suppress(ImageInvalid):
        decode(bytes(file))


def test_tags_that_share_their_values_make_no_large_file_of_a_small_one() -> None:
    file = inputs.tiff(50_000, 300)
    assert len(rewritten(directories(file)[0], {})) < 3 * len(file)
