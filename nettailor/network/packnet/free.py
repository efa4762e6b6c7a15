"""Which weights of a backbone are free: those that are 0 in it, and that no bundle of a chain owns (torch-free)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nettailor.architecture.geometry import Geometry
from nettailor.bundle.bundle import Bundle
from nettailor.bundle.tensors.masks import MASKS, masked_weights
from nettailor.bundle.tensors.owned import owned_weights
from nettailor.errors import ChainOverlaps

BACKBONE = "the backbone"

Weights = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Filled:
    """The weights of the blocks' convolutions with all that a chain adds to them, and which of them are free, by
    "<node>.<convolution>"."""

    weights: Mapping[str, Weights]
    free: Mapping[str, NDArray[np.bool_]]

    @property
    def free_share(self) -> float:
        return sum(int(free.sum()) for free in self.free.values()) / sum(free.size for free in self.free.values())


def filled(geometry: Geometry, tensors: Mapping[str, Weights], chain: Sequence[Bundle]) -> Filled:
    """`tensors` are the backbone's canonical ones. Raises `ChainOverlaps`."""
    weights = {name: tensors[_canonical(name)].copy() for name in _names(geometry)}
    free = {name: weight == 0 for name, weight in weights.items()}
    for link in chain:
        for name, (own, values) in owned_weights(geometry, link.tensors).items():
            taken = int((own & ~free[name]).sum())
            if taken:
                raise ChainOverlaps(name, taken, f"bundle {link.digest}", BACKBONE)
            weights[name][own] = values
            free[name] &= ~own
    return Filled(weights=weights, free=free)


def _names(geometry: Geometry) -> list[str]:
    return [name.removeprefix(MASKS) for name in masked_weights(geometry)]


def _canonical(name: str) -> str:
    node, _, conv = name.partition(".")
    return f"blocks.{int(node) - 1}.{conv}.weight"
