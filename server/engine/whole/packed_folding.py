"""Folding what tasks own in a pruned backbone: the weights of a whole chain, the backbone's batch-norm multiplied in
(torch-free).

Names of the arrays, l a node and {conv} the name of a convolution inside its block:

    {l}.{conv}.mask (words,)       which weights are the chain's, as bits, 32 of them in the memory of each number
    {l}.{conv}.values (n,)         those weights in C order, where there are some
    head.weight (K, C_L), head.bias (K,)
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from nettailor.architecture.geometry import geometry
from nettailor.bundle.bundle import Bundle
from nettailor.bundle.chain import family
from nettailor.bundle.tensors.masks import packed_mask
from nettailor.bundle.tensors.owned import owned_weights
from server.engine.folding import FloatArray, Folded, Norm, Packed, Unchanged


def fold_packed(bundle: Bundle, norms: Mapping[int, Mapping[str, Norm]]) -> dict[str, Folded]:
    """All arrays of the module's docstring; `norms` are the shared blocks', by node and name.

    Raises `ChainLinkMissing` if the bundle is not linked with all that it stands on.
    """
    shapes = geometry(bundle.manifest.backbone.id)
    links = [owned_weights(shapes, link.tensors) for link in family(bundle)]
    arrays: dict[str, Folded] = {}
    for name in links[-1]:
        own, values = _together([link[name] for link in links], _scale(name, norms))
        arrays[f"{name}.mask"] = Packed(values=packed_mask(own))
        if values.size:
            arrays[f"{name}.values"] = Unchanged(values=values)
    return arrays | {name: Unchanged(values=bundle.tensors[name]) for name in ("head.weight", "head.bias")}


def _together(
    parts: list[tuple[NDArray[np.bool_], FloatArray]], scale: FloatArray
) -> tuple[NDArray[np.bool_], FloatArray]:
    """The weights of all links of a convolution (C_out, ...), each filter times its `scale`."""
    together = np.zeros(parts[0][0].shape, np.float32)
    owned = np.zeros(together.shape, bool)
    for own, values in parts:
        together[own] = values
        owned |= own
    together *= scale.reshape(-1, *[1] * (together.ndim - 1))
    return owned, together[owned]


def _scale(name: str, norms: Mapping[int, Mapping[str, Norm]]) -> FloatArray:
    """Of the batch-norm behind the convolution of this name, (C_out,)."""
    node, branch, place = name.split(".")
    return norms[int(node)][f"{branch}.{int(place) + 1}"].folded
