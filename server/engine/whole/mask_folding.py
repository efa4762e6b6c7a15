"""Folding masks: the task's own batch-norm becomes a scale and a bias of each masked convolution (torch-free).

Names of the arrays, l a node and {conv} the name of a convolution inside its block:

    {l}.{conv}.mask (words,)       the bits of the mask, 32 of them in the memory of each number
    {l}.{conv}.scale (C_out,)      what the shared weights, the backbone's batch-norm folded in, are multiplied with
    {l}.{conv}.bias (C_out,)
    head.weight (K, C_L), head.bias (K,)
"""

from collections.abc import Mapping

from nettailor.bundle.bundle import Bundle
from nettailor.bundle.tensors.masks import MASKS
from server.engine.folding import Folded, Norm, Packed, Unchanged


def fold_masks(bundle: Bundle, norms: Mapping[int, Mapping[str, Norm]]) -> dict[str, Folded]:
    """All arrays of the module's docstring; `norms` are the shared blocks', by node and name."""
    arrays: dict[str, Folded] = {}
    for node, block in norms.items():
        for name, norm in block.items():
            branch, _, place = name.partition(".")
            conv = f"{node}.{branch}.{int(place) - 1}"
            mean, var = (bundle.tensors[f"statistics.{node}.{name}.{part}"] for part in ("mean", "var"))
            scale, bias = norm.scale_and_shift(mean, var)
            arrays[f"{conv}.mask"] = Packed(values=bundle.tensors[f"{MASKS}{conv}"])
            arrays |= {f"{conv}.scale": Unchanged(values=scale), f"{conv}.bias": Unchanged(values=bias)}
    return arrays | {name: Unchanged(values=bundle.tensors[name]) for name in ("head.weight", "head.bias")}
