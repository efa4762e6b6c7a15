"""From bytes to the network's input; the one implementation, so that training and serving agree (torch-free)."""

import io
import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from nettailor.bundle.preprocessing import Preprocessing
from nettailor.errors import ImageInvalid, ImageTooLarge

MAX_PIXELS = 40_000_000

# EXIF orientations (2 to 8) of files that have to be turned, and whose right or lower edge comes to lie first.
_TURNED, _X_REVERSED, _Y_REVERSED = (5, 6, 7, 8), (2, 3, 6, 7), (3, 4, 7, 8)

# How much larger a reduced image stays than what it is resized to. Two would do for the eye, but a grey level here and
# there already turns close decisions round (docs/log.md). Training takes a view 1.25 times as large from it as well.
_SPARE = 20

_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
# Formats with small, fuzzed decoders; others (EPS runs Ghostscript) are not for strangers' files.
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """An upright RGB image of `size` (width, height). `pixels` show it at 1 / `reduction`, from `origin` on: a side
    that is no multiple of the reduction is rounded up, and mirroring brings what that adds to the front.
    """

    pixels: Image.Image
    size: tuple[int, int]
    mode: str = "RGB"  # Pillow's word for what the file held
    reduction: int = 1
    origin: tuple[float, float] = (0.0, 0.0)


def decode(data: bytes, *, max_pixels: int = MAX_PIXELS, side: int | None = None) -> Picture:
    """The image of a file.

    A JPEG much larger than the `side` its shorter side will be resized to is decoded at a half, a quarter or an eighth
    of its size, in a fraction of the time. Raises `ImageInvalid` for anything that is not a whole image of a known
    format and, before any pixel is decoded, `ImageTooLarge` for one with more than `max_pixels` pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of its own pixel limit and of odd metadata
            image = Image.open(io.BytesIO(data), formats=_FORMATS)
            if image.width * image.height > max_pixels:
                raise ImageTooLarge(image.width, image.height, max_pixels)
            size = image.size
            if side is not None:
                least = math.ceil(_SPARE * side)
                image.draft(None, (least, least))  # other formats than JPEG stay as they are
            return _upright(image, size)
    except ImageInvalid:
        raise
    except UnidentifiedImageError as failure:  # its own text names an object of ours in memory
        raise ImageInvalid("not a readable image (of no format that is known)") from failure
    except Exception as failure:  # decoders of foreign bytes raise OSError, ValueError, SyntaxError, struct.error, ...
        raise ImageInvalid(f"not a readable image ({type(failure).__name__}: {failure})"[:200]) from failure


def _upright(image: Image.Image, size: tuple[int, int]) -> Picture:
    """The picture of an image that may have been reduced from `size`."""
    reduction = round(size[0] / image.width)
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    pixels = _rgb(ImageOps.exif_transpose(image))
    width, height = size[::-1] if orientation in _TURNED else size
    left = pixels.width - width / reduction if orientation in _X_REVERSED else 0.0
    top = pixels.height - height / reduction if orientation in _Y_REVERSED else 0.0
    return Picture(pixels=pixels, size=(width, height), mode=image.mode, reduction=reduction, origin=(left, top))


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode == "I":
        wide = np.asarray(image).clip(0, 65535).astype(np.uint32)
        return Image.fromarray((wide >> 8).astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise ImageInvalid("its pixels are fractions of unknown range; save it with 8 or 16 bits")
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        opaque = Image.new("RGBA", image.size, "white")
        opaque.alpha_composite(image.convert("RGBA"))
        return opaque.convert("RGB")
    return image.convert("RGB")


def prepare(picture: Picture, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Resize the shorter side, crop the centre: uint8 (3, crop, crop)."""
    width, height = picture.size
    scale = preprocessing.resize / min(width, height)
    size = (max(preprocessing.resize, round(width * scale)), max(preprocessing.resize, round(height * scale)))
    crop = preprocessing.crop
    left, top = (size[0] - crop) // 2, (size[1] - crop) // 2
    # Only the part of the source that the crop shows is resized: a panorama costs no more than a square. The place is
    # worked out on the whole image, so that a reduced one shows the same.
    right, bottom = min(width, (left + crop) / scale), min(height, (top + crop) / scale)
    (x, y), reduction = picture.origin, picture.reduction
    box = (x + left / scale / reduction, y + top / scale / reduction, x + right / reduction, y + bottom / reduction)
    cropped = picture.pixels.resize((crop, crop), _FILTERS[preprocessing.interpolation], box=box)
    return np.ascontiguousarray(np.asarray(cropped).transpose(2, 0, 1))


def normalise(batch: NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """uint8 (N, 3, H, W) -> float32, scaled to 0..1, then (x - mean) / std."""
    mean, std = (np.array(v, np.float32).reshape(3, 1, 1) for v in (preprocessing.mean, preprocessing.std))
    result: NDArray[np.float32] = (batch.astype(np.float32) / np.float32(255) - mean) / std
    return result
