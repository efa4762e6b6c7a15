"""Tensors of the paths into a node: the proxies and the alphas.

Legend: l a present node, p the source of a proxy, C channels, M middle channels of a bottleneck proxy.

    proxies.{l}.{p}.conv.weight (C_l, C_p, 1, 1), .norm.{weight,bias,running_mean,running_var} (C_l,)       basic
    proxies.{l}.{p}.conv1.weight (M, C_p, 1, 1), .norm1.* (M,), .conv2.weight (C_l, M, 1, 1), .norm2.* (C_l,)
    alphas.{l} (paths into l,)         softmax values in the order of `plan.inputs(l)`
"""

import itertools

import numpy as np

from nettailor.architecture.geometry import Geometry
from nettailor.architecture.plan import Plan
from nettailor.bundle.safetensors_file import FloatArray
from nettailor.errors import BundleTensorInvalid

PROXIES = "proxies."  # how their names begin

_PREFIX = "alphas."
_SUM_TOLERANCE = 1e-4  # a float32 softmax over a few dozen paths is off by some 1e-6

Shape = tuple[int, ...]


def path_shapes(geometry: Geometry, plan: Plan) -> dict[str, Shape]:
    """Name and shape of the proxies' tensors and of the alphas."""
    shapes: dict[str, Shape] = {}
    for source, node in plan.proxy_paths():
        shapes |= _proxy_shapes(geometry, source, node)
    return shapes | {f"{_PREFIX}{node}": (len(plan.inputs(node)),) for node in plan.nodes()}


def _proxy_shapes(geometry: Geometry, source: int, node: int) -> dict[str, Shape]:
    shapes: dict[str, Shape] = {}
    for index, (c_in, c_out) in enumerate(itertools.pairwise(geometry.proxy_channels(source, node)), start=1):
        layer = str(index) if geometry.bottleneck else ""
        prefix = f"{PROXIES}{node}.{source}"
        shapes[f"{prefix}.conv{layer}.weight"] = (c_out, c_in, 1, 1)
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{prefix}.norm{layer}.{part}"] = (c_out,)
    return shapes


def check_alphas(name: str, tensor: FloatArray) -> None:
    """Raises `BundleTensorInvalid` where the alphas of a node, if these are some, are not those of a softmax."""
    if not name.startswith(_PREFIX):
        return
    if tensor.min() <= 0 or tensor.max() > 1:
        raise BundleTensorInvalid(name, "an alpha is not in (0, 1]")
    if abs(float(tensor.sum(dtype=np.float64)) - 1) > _SUM_TOLERANCE:
        raise BundleTensorInvalid(name, "the alphas do not sum to 1")
