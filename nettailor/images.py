"""From bytes to the network's input; the one implementation, so that training and serving agree (torch-free)."""

import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from nettailor.errors import ImageInvalid, ImageTooLarge
from nettailor.preprocessing import Preprocessing

MAX_PIXELS = 40_000_000

_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
# Formats with small, fuzzed decoders; others (EPS runs Ghostscript) are not for strangers' files.
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")


def decode(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """The image as upright RGB.

    Raises `ImageInvalid` for anything that is not a whole image of a known format and, before any pixel is decoded,
    `ImageTooLarge` for one with more than `max_pixels` pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of its own pixel limit and of odd metadata
            image = Image.open(io.BytesIO(data), formats=_FORMATS)
            if image.width * image.height > max_pixels:
                raise ImageTooLarge(image.width, image.height, max_pixels)
            image.load()
            return _rgb(ImageOps.exif_transpose(image))
    except ImageInvalid:
        raise
    except Exception as failure:  # decoders of foreign bytes raise OSError, ValueError, SyntaxError, struct.error, ...
        raise ImageInvalid(f"not a readable image ({type(failure).__name__}: {failure})"[:200]) from failure


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode == "I":
        wide = np.asarray(image).astype(np.uint32)
        return Image.fromarray((wide >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        opaque = Image.new("RGBA", image.size, "white")
        opaque.alpha_composite(image.convert("RGBA"))
        return opaque.convert("RGB")
    return image.convert("RGB")


def prepare(image: Image.Image, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Resize the shorter side, crop the centre: uint8 (3, crop, crop)."""
    width, height = image.size
    scale = preprocessing.resize / min(width, height)
    size = (max(preprocessing.resize, round(width * scale)), max(preprocessing.resize, round(height * scale)))
    crop = preprocessing.crop
    left, top = (size[0] - crop) // 2, (size[1] - crop) // 2
    # Only the part of the source that the crop shows is resized: a panorama costs no more than a square.
    box = (left / scale, top / scale, min(width, (left + crop) / scale), min(height, (top + crop) / scale))
    cropped = image.resize((crop, crop), _FILTERS[preprocessing.interpolation], box=box)
    return np.ascontiguousarray(np.asarray(cropped).transpose(2, 0, 1))


def normalise(batch: NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """uint8 (N, 3, H, W) -> float32, scaled to 0..1, then (x - mean) / std."""
    mean, std = (np.array(v, np.float32).reshape(3, 1, 1) for v in (preprocessing.mean, preprocessing.std))
    result: NDArray[np.float32] = (batch.astype(np.float32) / np.float32(255) - mean) / std
    return result
