"""Photographs as a camera saves them, drawn by code: JPEGs of a megapixel and more, a folder a class."""

from itertools import count
from pathlib import Path

import numpy as np
from PIL import Image

from cli.demo.signs import SIGNS, draw_sign

_SIZE = (1280, 960)
_SIGN = 800  # pixels a side, of the picture that the sign is in


def write_photographs(folder: Path, images: int, *, classes: int = 6, seed: int = 0) -> Path:
    """As many of each class. Returns one that is in none of the folders."""
    names = sorted(SIGNS)[:classes]
    numbers = count()
    for place in range(images):
        name = names[place % classes]
        path = folder / name / f"IMG_{next(numbers):04}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        _photograph(name, np.random.default_rng((seed, place))).save(path, quality=90)
    other = folder.parent / "photo.jpg"
    _photograph(names[0], np.random.default_rng((seed, images))).save(other, quality=90)
    return other


def _photograph(name: str, generator: np.random.Generator) -> Image.Image:
    """The sign somewhere in a noisy picture."""
    tint = generator.integers(40, 200, 3)
    noise = generator.integers(-25, 25, (_SIZE[1] // 4, _SIZE[0] // 4, 3))
    picture = Image.fromarray((tint + noise).clip(0, 255).astype(np.uint8)).resize(_SIZE, Image.Resampling.BILINEAR)
    sign = draw_sign(name, generator).resize((_SIGN, _SIGN), Image.Resampling.BICUBIC)
    left, top = (int(generator.integers(0, side - _SIGN)) for side in _SIZE)
    picture.paste(sign, (left, top))
    return picture
