"""Tensors of method `packnet`: masks, and beside them the weights that belong to the task.

values (n,)     of all weights whose bit is 1, where there are some: convolution after convolution in the order of
                `masked_weights`, those of one in C order
"""

from collections.abc import Mapping

import numpy as np

from nettailor.architecture.geometry import Geometry
from nettailor.bundle.safetensors_file import AnyArray, FloatArray
from nettailor.bundle.tensors.masks import MASKS, mask_shapes, masked_weights, packed_mask, unpacked_mask
from nettailor.errors import BundleTensorInvalid

VALUES = "values"

Shape = tuple[int, ...]


def owned_shapes(geometry: Geometry, owned: int) -> dict[str, Shape]:
    """Name and shape of the tensors of a task that owns so many weights."""
    return mask_shapes(geometry) | ({VALUES: (owned,)} if owned else {})


def owned_tensors(weights: Mapping[str, tuple[AnyArray, FloatArray]]) -> dict[str, AnyArray]:
    """The tensors of weights by the names of convolutions ("<node>.<name>", in the order of `masked_weights`): which
    of them belong to the task, and all values."""
    tensors: dict[str, AnyArray] = {f"{MASKS}{name}": packed_mask(own) for name, (own, _) in weights.items()}
    values = np.concatenate([values[own] for own, values in weights.values()]).astype(np.float32)
    return tensors | ({VALUES: values} if values.size else {})


def owned_weights(geometry: Geometry, tensors: Mapping[str, AnyArray]) -> dict[str, tuple[AnyArray, FloatArray]]:
    """By the names of convolutions ("<node>.<name>"): which of their weights belong to the task, and their values in
    C order."""
    found, start = {}, 0
    for name, shape in masked_weights(geometry).items():
        own = unpacked_mask(tensors[name], shape)
        end = start + int(own.sum())
        found[name.removeprefix(MASKS)] = (own, tensors.get(VALUES, np.zeros(0, np.float32))[start:end])
        start = end
    return found


def check_owned(tensors: Mapping[str, AnyArray], owned: int) -> None:
    """Raises `BundleTensorInvalid` unless the masks have as many bits as the manifest says weights."""
    found = sum(int(np.unpackbits(mask).sum()) for name, mask in tensors.items() if name.startswith(MASKS))
    if found != owned:
        raise BundleTensorInvalid(MASKS, f"{found} weights belong to the task, the manifest says {owned}")
