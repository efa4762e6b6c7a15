"""Which arrays are images, and how their numbers become light."""

import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.arrays.header import ArrayHeader, ArrayUnreadable
from trainer.intake.arrays.image_array import Extent, ImageArray, image_array, scale_of

LIMITS = IntakeLimits()


def header(*shape: int, dtype: str = "|u1") -> ArrayHeader:
    return ArrayHeader(shape=shape, dtype=np.dtype(dtype), offset=0)


def read(numbers: np.ndarray) -> list[np.ndarray]:
    """The images of an array, scaled by its own numbers."""
    found = image_array(header(*numbers.shape, dtype=numbers.dtype.str))
    assert found is not None
    scale = scale_of(found.extent(io.BytesIO(numbers.tobytes())))
    return [np.asarray(Image.open(io.BytesIO(png))) for png in found.pngs(io.BytesIO(numbers.tobytes()), scale)]


def checked(found: ImageArray | None, limits: IntakeLimits, file_bytes: int = 1 << 60) -> None:
    assert found is not None
    found.check(limits, file_bytes)


@pytest.mark.parametrize(
    ("shape", "form"),
    [
        ((5, 28, 28), (28, 28, 1, False)),
        ((5, 28, 30, 1), (28, 30, 1, False)),
        ((5, 28, 30, 3), (28, 30, 3, False)),
        ((5, 28, 30, 4), (28, 30, 4, False)),
        ((5, 1, 28, 30), (28, 30, 1, True)),
        ((5, 3, 28, 30), (28, 30, 3, True)),
        ((1, 28, 30, 3), (28, 30, 3, False)),
    ],
)
def test_images(shape: tuple[int, ...], form: tuple[int, int, int, bool]) -> None:
    found = image_array(header(*shape))
    assert found is not None
    assert (found.height, found.width, found.channels, found.is_planar) == form


@pytest.mark.parametrize(
    "shape",
    [(), (5,), (5, 784), (28, 30, 3), (3, 28, 30), (5, 68, 2), (5, 7, 28, 30), (5, 4, 4), (0, 28, 28), (2, 3, 4, 5, 6)],
)
def test_no_images(shape: tuple[int, ...]) -> None:
    assert image_array(header(*shape)) is None


@pytest.mark.parametrize("dtype", ["<U3", "|S28"])
def test_words_are_no_images(dtype: str) -> None:
    assert image_array(header(5, 28, 28, dtype=dtype)) is None


@pytest.mark.parametrize(
    ("shape", "limits", "reason"),
    [
        ((200_001, 8, 8), LIMITS, "200001 images, the limit is 200000 files"),
        ((2**63, 2**31, 2**31), LIMITS, "images, the limit is"),
        ((9, 10_000, 10_000), LIMITS, "10000 x 10000 pixels"),
        ((9, 6000, 6000, 3), LIMITS, "bytes each"),
        ((9, 1000, 1000), replace(LIMITS, unpacked_bytes=8_999_999), "9000000 bytes, the limit is 8999999"),
    ],
)
def test_what_is_claimed_is_held_to_the_limits(shape: tuple[int, ...], limits: IntakeLimits, reason: str) -> None:
    with pytest.raises(ArrayUnreadable, match=reason):
        checked(image_array(header(*shape)), limits)


def test_a_file_that_is_too_short_is_noticed_before_it_is_read() -> None:
    with pytest.raises(ArrayUnreadable, match="ends too early"):
        checked(image_array(header(9, 10, 10)), LIMITS, file_bytes=899)


@given(seed=st.integers(0, 99), channels=st.sampled_from([0, 1, 3]), planar=st.booleans())
def test_fractions_and_whole_numbers_of_all_kinds_give_the_same_pixels(seed: int, channels: int, planar: bool) -> None:
    shape = (2, 9, 8, channels) if channels else (2, 9, 8)
    true = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    stored = np.moveaxis(true, -1, 1).copy() if planar and channels else true
    for numbers in (
        stored,
        stored.astype(">i4"),
        stored.astype(np.float32) / 255,
        (stored / 255).astype(np.float16),
        (stored / 127.5 - 1).astype(np.float32),
    ):
        for found, image in zip(read(numbers), true, strict=True):
            assert np.array_equal(found, image[..., 0] if channels == 1 else image)


def test_small_ranges_are_not_black() -> None:
    masks = np.zeros((2, 8, 8), np.uint8)
    masks[:, :4] = 1
    assert set(np.unique(read(masks))) == {0, 255}
    assert set(np.unique(read(masks.astype(bool)))) == {0, 255}
    digits = np.tile(np.arange(17, dtype=np.float64)[:, np.newaxis], (2, 1, 8))
    assert np.unique(read(digits)).tolist() == np.rint(np.arange(17) * 255 / 16).tolist()


@pytest.mark.parametrize(
    ("extent", "note", "is_odd"),
    [
        (Extent(least=0, most=255, are_whole=True, are_255ths=False), "", False),
        (Extent(least=0, most=1, are_whole=False, are_255ths=True), "", False),
        (Extent(least=0, most=1, are_whole=False, are_255ths=False), "rounded to 8 bits", False),
        (Extent(least=0, most=254.5, are_whole=False, are_255ths=False), "rounded to 8 bits", False),
        (Extent(least=-1, most=1, are_whole=False, are_255ths=False), "from -1 to 1", False),
        (Extent(least=0, most=16, are_whole=True, are_255ths=False), "from 0 to 16", True),
    ],
)
def test_what_is_lost_or_unusual_is_noted(extent: Extent, note: str, is_odd: bool) -> None:
    scale = scale_of(extent)
    assert (note in scale.note, bool(scale.note)) == (True, bool(note))
    assert scale.is_odd == is_odd


@pytest.mark.parametrize(("least", "most"), [(-2.1, 2.6), (0, 4095), (-128, 127), (0, 300.5)])
def test_other_ranges_may_mean_anything(least: float, most: float) -> None:
    with pytest.raises(ArrayUnreadable, match="may mean anything"):
        scale_of(Extent(least=least, most=most, are_whole=False, are_255ths=False))


def test_numbers_that_are_none_are_refused() -> None:
    with pytest.raises(ArrayUnreadable, match="not finite"):
        read(np.full((2, 8, 8), np.nan, np.float32))
