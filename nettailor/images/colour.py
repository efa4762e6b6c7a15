"""Colours as sRGB has them: by the file's ICC profile where it has one that makes sense."""

import io
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

_PROFILE_BYTES = 4 * 2**20  # of a profile that is looked at; the largest of printing presses have three megabytes
_PROFILES = 16  # kept ready
_GREY = ("1", "L", "LA", "La")
_STEPS = 9  # a side of the cube of colours that a profile is tried with
_UNSEEN = 2  # grey levels; so far the sRGB profiles of different makers lie apart
_WHITE = 200  # what white becomes at the least under a profile that is not broken


def has_alpha(image: Image.Image) -> bool:
    # a text in a PNG may have that name as well
    names_a_colour = isinstance(image.info.get("transparency"), int | bytes | tuple)
    return image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or names_a_colour


def to_rgb(image: Image.Image, profile: object) -> tuple[Image.Image, bytes]:
    """The image as RGB, with alpha if it has any, and the profile that is still to be applied by `to_srgb`.

    That is one of RGB: converting a whole photograph takes longer than decoding it, so it is done to what is left after
    resizing. Grey and CMYK images are converted here. A profile that is broken or of other colours than the image is
    ignored.
    """
    usable = profile if isinstance(profile, bytes) and len(profile) <= _PROFILE_BYTES else b""
    if image.mode in ("CMYK", "LAB"):
        transform = _transform(usable, image.mode)
        return (image.convert("RGB") if transform is None else _applied(transform, image)), b""
    if image.mode == "La":
        image = image.convert("LA")  # which is as far as Pillow goes from there in one step
    colours = image.convert("RGBA" if has_alpha(image) else "RGB")
    if image.mode in _GREY:
        return _toned(colours, usable), b""
    return colours, usable if _transform(usable, "RGB") is not None else b""


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """An RGB image whose numbers are those of the profile, in those of sRGB."""
    transform = _transform(profile, "RGB") if profile else None
    return image if transform is None else _applied(transform, image)


def _applied(transform: ImageCms.ImageCmsTransform, image: Image.Image) -> Image.Image:
    converted = ImageCms.applyTransform(image, transform)
    assert converted is not None  # as it is where the image is changed in place
    return converted


def _toned(greys: Image.Image, profile: bytes) -> Image.Image:
    """Greys, as RGB with or without alpha, by their profile."""
    table = _grey_table(profile)
    if table is None:
        return greys
    return greys.point(table * 3 + (list(range(256)) if greys.mode == "RGBA" else []))


@lru_cache(_PROFILES)
def _grey_table(profile: bytes) -> list[int] | None:
    """What each grey level becomes; None where it stays about the same."""
    transform = _transform(profile, "L")
    if transform is None:
        return None
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[np.newaxis])
    return list(_applied(transform, ramp).getchannel("G").tobytes())


@lru_cache(_PROFILES)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From a profile's colours to those of sRGB; None if there is nothing to do, or the profile cannot be right."""
    if not profile and mode != "LAB":
        return None
    try:
        source: Any = ImageCms.createProfile("LAB") if mode == "LAB" else ImageCms.getOpenProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):  # also where it is of other colours than the image
        return None
    return transform if mode == "LAB" or _makes_sense(transform, mode) else None


def _makes_sense(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether white stays white, and what else there is does not all stay as it is."""
    before = _samples(mode)
    image = Image.frombytes(mode, (before.shape[1], before.shape[0]), before.tobytes())
    after = np.asarray(_applied(transform, image)).astype(int)
    white = after[0, 0] if mode == "CMYK" else after[-1, -1]  # ink, or light
    if white.min() < _WHITE or np.ptp(after) < _WHITE // 2:
        return False
    return mode == "CMYK" or bool(np.abs(after - before.reshape(*after.shape[:2], -1)).max() > _UNSEEN)


def _samples(mode: str) -> NDArray[np.uint8]:
    """Colours from none of any channel to all of each, one a pixel."""
    steps = np.linspace(0, 255, 256 if mode == "L" else _STEPS).round().astype(np.uint8)
    if mode == "L":
        return steps[np.newaxis]
    return np.stack(np.meshgrid(*[steps] * len(mode), indexing="ij"), axis=-1).reshape(_STEPS, -1, len(mode))
