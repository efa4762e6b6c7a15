"""What shows through lies on white."""

import numpy as np
from PIL import Image

_NEAR_WHITE = 240  # grey level from which on nothing is seen on white


def on_white(image: Image.Image, *, alpha_may_be_unused: bool) -> tuple[Image.Image, bool]:
    """RGB, and whether the image vanishes: it was drawn in white on a transparent ground.

    An image that is transparent all over shows nothing at all, so alpha is not what it has there. One of a single
    colour may really be meant to be empty, except in a format where such bytes are usual (`alpha_may_be_unused`).
    """
    if image.mode != "RGBA":
        return image, False
    least, greatest = _extrema(image.getchannel("A"))
    colours = image.convert("RGB")
    if greatest == 0 and (alpha_may_be_unused or not _is_uniform(colours)):
        return colours, False
    if least == 255:
        return colours, False
    ground = Image.new("RGBA", image.size, "white")
    ground.alpha_composite(image)
    shown = ground.convert("RGB")
    return shown, greatest > 0 and int(np.asarray(shown).min()) >= _NEAR_WHITE


def _extrema(band: Image.Image) -> tuple[int, int]:
    levels = np.asarray(band)
    return int(levels.min()), int(levels.max())


def _is_uniform(image: Image.Image) -> bool:
    levels = np.asarray(image)
    return bool((levels == levels[0, 0]).all())
