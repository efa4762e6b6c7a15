"""Images a few at a time, so that trying a network takes little memory (torch-free)."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]  # (N, S, S, 3)
Logits = NDArray[np.float32]  # (N, K)

_IMAGES = 8


def in_batches(run: Callable[[Pixels], Logits], pixels: Pixels) -> Logits:
    """What `run` says of all images."""
    return np.concatenate([run(pixels[first : first + _IMAGES]) for first in range(0, len(pixels), _IMAGES)])
