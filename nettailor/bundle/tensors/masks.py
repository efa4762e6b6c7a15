"""Masks: masks.{l}.{conv}, a bit for each weight of every convolution of block l. Method `piggyback` keeps the weights
whose bit is 1, with method `packnet` they belong to the task.

`{conv}` is the convolution's name inside the block: branch.0, branch.3, on bottleneck blocks branch.6, and shortcut.0
where the shortcut is a projection. Weight i, in C order, has bit i % 8 (of value 2^(i % 8)) of byte i // 8. There are
as many bytes as whole words of 32 bits need, so that tensors behind them stay aligned; bits past the last weight are 0.
"""

import math

import numpy as np
from numpy.typing import NDArray

from nettailor.architecture.geometry import Geometry
from nettailor.bundle.backbone_file import tensor_shapes
from nettailor.errors import BundleTensorInvalid

MASKS = "masks."

_WORD_BYTES = 4

Mask = NDArray[np.uint8]
Shape = tuple[int, ...]


def masked_weights(geometry: Geometry) -> dict[str, Shape]:
    """Shapes of the weights that are masked, by the names of their masks."""
    found: dict[str, Shape] = {}
    for name, shape in tensor_shapes(geometry).items():
        owner, _, rest = name.partition(".")
        if owner == "blocks" and len(shape) == 4:
            block, _, conv = rest.removesuffix(".weight").partition(".")
            found[f"{MASKS}{int(block) + 1}.{conv}"] = shape
    return found


def mask_shapes(geometry: Geometry) -> dict[str, Shape]:
    """Name and shape of every mask."""
    return {name: (_bytes(math.prod(shape)),) for name, shape in masked_weights(geometry).items()}


def packed_mask(kept: NDArray[np.bool_]) -> Mask:
    """The bytes that say for which weights it is true."""
    mask = np.zeros(_bytes(kept.size), np.uint8)
    bits = np.packbits(kept, bitorder="little")
    mask[: bits.size] = bits
    return mask


def unpacked_mask(mask: Mask, shape: Shape) -> NDArray[np.bool_]:
    """For which weights of this shape it is true."""
    return np.unpackbits(mask, count=math.prod(shape), bitorder="little").astype(bool).reshape(shape)


def check_mask(name: str, mask: Mask, weights: int) -> None:
    """Raises `BundleTensorInvalid` where bits past so many weights are set."""
    if np.unpackbits(mask, bitorder="little")[weights:].any():
        raise BundleTensorInvalid(name, f"a bit past its {weights} weights is 1")


def _bytes(weights: int) -> int:
    return _WORD_BYTES * -(-weights // (8 * _WORD_BYTES))
