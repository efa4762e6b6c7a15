"""Folding a whole network: each batch-norm multiplied into the convolution before it (torch-free).

Names of the arrays, as in the bundle but for its prefix: a convolution's {name}.weight (C_out, C_in, k, k) and the
{name}.bias (C_out,) that its batch-norm leaves; head.weight (K, C_L), head.bias (K,).
"""

import numpy as np

from nettailor.bundle.bundle import Bundle
from nettailor.bundle.tensors.network import PREFIX
from server.engine.folding import FloatArray, Folded, Scaled, Unchanged

_EPS = np.float64(1e-5)  # of every batch-norm of a backbone


def fold_network(bundle: Bundle) -> dict[str, Folded]:
    """All arrays of the module's docstring."""
    arrays: dict[str, Folded] = {}
    for name, tensor in bundle.tensors.items():
        if name.startswith(PREFIX) and tensor.ndim == 4:
            conv = name.removeprefix(PREFIX).removesuffix(".weight")
            scale, bias = _norm(bundle, conv)
            arrays[f"{conv}.weight"] = Scaled(matrix=tensor, scale=scale)
            arrays[f"{conv}.bias"] = Unchanged(values=bias)
    return arrays | {name: Unchanged(values=bundle.tensors[name]) for name in ("head.weight", "head.bias")}


def _norm(bundle: Bundle, conv: str) -> tuple[FloatArray, FloatArray]:
    """What the batch-norm behind a convolution multiplies and adds, (C_out,) each; in float64 until the end."""
    parent, _, place = conv.rpartition(".")
    parts = ("weight", "bias", "running_mean", "running_var")
    names = [f"{PREFIX}{parent}.{int(place) + 1}.{part}" for part in parts]
    weight, bias, mean, var = (bundle.tensors[name].astype(np.float64) for name in names)
    scale = weight / np.sqrt(var + _EPS)
    return scale.astype(np.float32), (bias - mean * scale).astype(np.float32)
