from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from nettailor.bundle.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from nettailor.images import decode, prepare
from nettailor.images.colour import to_srgb
from tests.nettailor.images.files import encoded, scene, tiff
from tests.nettailor.images.profiles import (
    ADOBE_RGB,
    DISPLAY_P3,
    SRGB,
    Primaries,
    as_srgb,
    cmyk_profile,
    grey_profile,
    linear,
    rgb_profile,
    rgb_to_xyz,
)

COLOURS = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
ADOBE_GAMMA = 563 / 256


def srgb_of(colours: NDArray[np.uint8], primaries: Primaries, gamma: float | None) -> NDArray[np.float64]:
    levels = colours / 255
    light = linear(levels) if gamma is None else levels**gamma
    return as_srgb(light @ (np.linalg.inv(rgb_to_xyz(SRGB)) @ rgb_to_xyz(primaries)).T)


def shown(data: bytes) -> NDArray[np.float64]:
    picture = decode(data)
    return np.asarray(to_srgb(picture.pixels, picture.profile)).astype(float)


@pytest.mark.parametrize(("primaries", "gamma"), [(DISPLAY_P3, None), (ADOBE_RGB, ADOBE_GAMMA), (SRGB, 461 / 256)])
@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP", "AVIF"])
def test_colours_are_those_of_the_profile(primaries: Primaries, gamma: float | None, format: str) -> None:
    lossless: dict[str, dict[str, object]] = {
        "WEBP": {"lossless": True},
        "AVIF": {"quality": 100, "subsampling": "4:4:4"},
    }
    options = lossless.get(format, {})
    image = Image.fromarray(COLOURS)
    data = encoded(image, format, icc_profile=rgb_profile(primaries, gamma=gamma), **options)
    kept = np.asarray(decode(data).pixels)  # what the file has of it
    assert np.abs(kept.astype(int) - COLOURS).max() <= (4 if format == "AVIF" else 0)
    assert np.abs(shown(data) - srgb_of(kept, primaries, gamma)).max() < 1.5
    assert np.abs(srgb_of(kept, primaries, gamma) - kept).max() > 15  # ignored, it is seen


def test_the_input_of_a_network_is_srgb() -> None:
    wanted = Preprocessing(resize=32, crop=32, mean=IMAGENET_MEAN, std=IMAGENET_STD)
    photograph = scene(700, 500)
    for side in (None, 8):
        data = encoded(photograph, "JPEG", icc_profile=rgb_profile(DISPLAY_P3), quality=95)
        found = prepare(decode(data, side=side), wanted).astype(float)
        plain = prepare(decode(encoded(photograph, "JPEG", quality=95), side=side), wanted).transpose(1, 2, 0)
        expected = srgb_of(plain, DISPLAY_P3, None).transpose(2, 0, 1)
        assert np.abs(found - expected).max() < 1.5
        assert np.abs(expected - plain.transpose(2, 0, 1)).max() > 10


@pytest.mark.parametrize("gamma", [1.8, 2.2])
@pytest.mark.parametrize("mode", ["L", "LA", "I;16"])
def test_grey_profiles(gamma: float, mode: str) -> None:
    ramp = np.arange(256, dtype=np.uint8)[np.newaxis].repeat(3, 0)
    match mode:
        case "L":
            image = Image.fromarray(ramp)
        case "LA":
            image = Image.fromarray(np.dstack([ramp, np.full_like(ramp, 255)]))
        case _:
            image = Image.fromarray(ramp.astype(np.uint16) << 8)
    picture = decode(encoded(image, icc_profile=grey_profile(gamma)))
    expected = as_srgb((ramp / 255.0) ** gamma)[..., np.newaxis]
    assert np.abs(np.asarray(picture.pixels) - expected).max() < 2
    assert picture.profile == b""


def test_cmyk_profiles() -> None:
    inks = {(0, 0, 0, 0): (100.0, 0.0, 0.0), (0, 0, 1, 0): (80.0, -20.0, 60.0), (0, 0, 0, 1): (20.0, 0.0, 0.0)}
    colours = np.zeros((8, 8, 4), np.uint8)
    colours[:, 4:, 2] = 255
    colours[4:, :4, 3] = 255
    image = Image.fromarray(colours, "CMYK")
    for format in ("TIFF", "JPEG"):
        options = {"quality": 100} if format == "JPEG" else {}
        found = shown(encoded(image, format, icc_profile=cmyk_profile(inks), **options))
        assert np.abs(found[0, 0] - 255).max() <= 1
        assert np.abs(found[0, 7] - as_srgb_of_lab(80, -20, 60)).max() <= 3
        assert np.abs(found[7, 0] - as_srgb_of_lab(20, 0, 0)).max() <= 3


def as_srgb_of_lab(lightness: float, a: float, b: float) -> NDArray[np.float64]:
    fy = (lightness + 16) / 116
    f = np.array([fy + a / 500, fy, fy - b / 200])
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * (0.9642, 1.0, 0.8249)
    return as_srgb(np.linalg.inv(rgb_to_xyz(SRGB)) @ xyz)


def test_a_lab_tiff() -> None:
    values = np.full((5, 6, 3), (204, 20, 256 - 10), np.uint8)  # of 255 for 100, and signed
    assert np.abs(shown(tiff(values, photometric="cielab")) - as_srgb_of_lab(80, 20, -10)).max() <= 3


def srgb_profiles() -> list[bytes]:
    return [rgb_profile(SRGB), ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()]


@pytest.mark.parametrize("profile", srgb_profiles(), ids=["ours", "lcms"])
def test_an_srgb_profile_changes_and_costs_nothing(profile: bytes) -> None:
    picture = decode(encoded(Image.fromarray(COLOURS), icc_profile=profile))
    assert picture.profile == b""
    assert np.array_equal(np.asarray(picture.pixels), COLOURS)


def broken_profiles() -> dict[str, bytes]:
    whole = rgb_profile(DISPLAY_P3)
    curve = whole.index(b"para", whole.index(b"rTRC"))
    return {
        "text": b"not a profile at all",
        "header only": whole[:128],
        "cut": whole[: len(whole) // 2],
        "no signature": whole.replace(b"acsp", b"acsq"),
        "of grey": grey_profile(2.2),
        "of inks": cmyk_profile({(0, 0, 0, 0): (100.0, 0.0, 0.0)}),
        "white is dark": rgb_profile(DISPLAY_P3, brightness=0.3),
        "curve of an unknown kind": whole[: curve + 8] + b"\xff\xff" + whole[curve + 10 :],
        "too large": rgb_profile(DISPLAY_P3, more=bytes(5 * 2**20)),
    }


@pytest.mark.parametrize("name", broken_profiles())
def test_a_broken_profile_is_ignored(name: str) -> None:
    data = encoded(Image.fromarray(COLOURS), "WEBP", lossless=True, icc_profile=broken_profiles()[name])
    assert np.array_equal(shown(data), COLOURS)


def test_a_profile_of_other_colours_than_the_image_is_ignored() -> None:
    grey = Image.fromarray(COLOURS[..., 0])
    assert np.array_equal(shown(encoded(grey, icc_profile=rgb_profile(DISPLAY_P3)))[..., 0], COLOURS[..., 0])
    inks = Image.fromarray(COLOURS).convert("CMYK")
    plain = shown(encoded(inks, "TIFF"))
    assert np.array_equal(shown(encoded(inks, "TIFF", icc_profile=rgb_profile(DISPLAY_P3))), plain)


def test_threads_share_a_profile() -> None:
    wanted = Preprocessing(resize=40, crop=40, mean=IMAGENET_MEAN, std=IMAGENET_STD)
    data = encoded(scene(90, 80), icc_profile=rgb_profile(ADOBE_RGB, gamma=ADOBE_GAMMA))
    expected = prepare(decode(data), wanted)
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda _: prepare(decode(data), wanted), range(64)):
            assert np.array_equal(found, expected)
