"""From a picture to the network's input (torch-free)."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nettailor.bundle.preprocessing import Preprocessing
from nettailor.images.colour import to_srgb
from nettailor.images.picture import Picture

_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


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
    shown = to_srgb(cropped, picture.profile)
    return np.ascontiguousarray(np.asarray(shown).transpose(2, 0, 1))


def normalise(batch: NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """uint8 (N, 3, H, W) -> float32, scaled to 0..1, then (x - mean) / std."""
    mean, std = (np.array(v, np.float32).reshape(3, 1, 1) for v in (preprocessing.mean, preprocessing.std))
    result: NDArray[np.float32] = (batch.astype(np.float32) / np.float32(255) - mean) / std
    return result
