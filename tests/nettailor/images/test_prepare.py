import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nettailor.bundle.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from nettailor.images import Picture, decode, normalise, prepare
from tests.nettailor.images.files import scene, turned

PRE = Preprocessing(resize=40, crop=32, mean=IMAGENET_MEAN, std=IMAGENET_STD)


def picture(image: Image.Image) -> Picture:
    return Picture(pixels=image, size=image.size)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90))
def test_any_size_is_prepared(width: int, height: int) -> None:
    assert prepare(picture(Image.new("RGB", (width, height))), PRE).shape == (3, 32, 32)


def test_prepare_equals_resizing_the_whole_and_cropping() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 90, 3)).astype(np.uint8)
    image = Image.fromarray(noise).resize((180, 120), Image.Resampling.BICUBIC)
    slow = image.resize((60, 40), Image.Resampling.BILINEAR).crop((14, 4, 46, 36))
    fast = prepare(picture(image), PRE).transpose(1, 2, 0).astype(int)
    assert np.abs(fast - np.asarray(slow).astype(int)).max() <= 2


@settings(max_examples=30, deadline=None)
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


def test_normalise() -> None:
    batch = np.full((1, 3, 2, 2), 255, np.uint8)
    expected = (1 - np.array(IMAGENET_MEAN)) / np.array(IMAGENET_STD)
    np.testing.assert_allclose(normalise(batch, PRE)[0, :, 0, 0], expected, rtol=1e-6)
