"""Folding: a bundle's tensors as arrays that run as they are, with alphas and proxies' batch-norms multiplied in
(torch-free). The large arrays, the proxies' matrices, are computed where they are wanted and nowhere else first.

Names of the arrays, l a present node, p the source of a proxy (C channels, M middle channels, K classes):

    {l}.bias (C_l,)                          sum of the biases of the proxies into l
    {l}.alpha (1,)                           a_ll, where the block is kept
    {l}.proxies (C_l, sum of C_p)            a_pl A_p^l of every proxy into l, side by side in the order of the sources;
                                             on bottleneck backbones (C_l, M each), behind
    {l}.proxies.{p}.matrix (M, C_p), .bias (M,)     and a ReLU
    {l}.statistics (S,)                      per-task statistics, end to end: scale and shift (C,) after each
                                             convolution of the branch but the last; with a_ll, the scales of the last
                                             convolution and of the shortcut and the shift of the sum, (C_l,) each,
                                             the proxies' biases included
    head.weight (K, C_L), head.bias (K,)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nettailor.architecture.geometry import Geometry, geometry
from nettailor.bundle.bundle import Bundle

FloatArray = NDArray[np.float32]

_EPS = np.float32(1e-5)  # of every proxy's batch-norm


class Folded(Protocol):
    """An array that is still to be written to where it will stay."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def write(self, out: FloatArray) -> None:
        """Into memory of `shape`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Unchanged:
    """An array that is what it will be."""

    values: FloatArray

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    def write(self, out: FloatArray) -> None:
        out[...] = self.values


@dataclass(frozen=True, kw_only=True, eq=False)
class Scaled:
    """An array (C_out, ...), as of a matrix, each of whose rows is multiplied by its `scale` (C_out,)."""

    matrix: FloatArray
    scale: FloatArray

    @property
    def shape(self) -> tuple[int, ...]:
        return self.matrix.shape

    def write(self, out: FloatArray) -> None:
        np.multiply(self.matrix, self.scale.reshape(-1, *[1] * (self.matrix.ndim - 1)), out=out)


@dataclass(frozen=True, kw_only=True, eq=False)
class _SideBySide:
    """Matrices (C_out, C_in each)."""

    parts: Sequence[Scaled]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.parts[0].shape[0], sum(part.shape[1] for part in self.parts)

    def write(self, out: FloatArray) -> None:
        start = 0
        for part in self.parts:
            part.write(out[:, start : start + part.shape[1]])
            start += part.shape[1]


@dataclass(frozen=True, kw_only=True, eq=False)
class Norm:
    """What a task's statistics of a shared batch-norm layer are combined with; arrays (C,)."""

    weight: FloatArray
    bias: FloatArray
    var: FloatArray
    eps: float

    def scale_and_shift(self, mean: FloatArray, var: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What turns the output of the folded convolution, its bias left out, into that of the task's own batch-norm:
        sqrt((v + eps) / (v_t + eps)) and b - g m_t / sqrt(v_t + eps), each (C,)."""
        root = np.sqrt(var + np.float32(self.eps))
        scale = np.sqrt(self.var + np.float32(self.eps)) / root
        return scale.astype(np.float32), (self.bias - self.weight * mean / root).astype(np.float32)


def fold(bundle: Bundle, norms: Mapping[int, Mapping[str, Norm]]) -> dict[str, Folded]:
    """All arrays of the module's docstring; `norms` are the shared blocks', by node and name."""
    shapes, plan = geometry(bundle.manifest.backbone.id), bundle.manifest.plan
    matrices: dict[str, Folded] = {}
    arrays: dict[str, FloatArray] = {}
    for node in plan.nodes():
        alphas, kept = bundle.tensors[f"alphas.{node}"], plan.keeps_block(node)
        bias = np.zeros(shapes.channels[node], np.float32)
        side_by_side = []
        for source, alpha in zip(plan.sources(node), alphas[1 if kept else 0 :], strict=True):
            name = f"{node}.proxies.{source}"
            first, last = _proxy(bundle, shapes, source, node)
            if first is not None:
                matrices[f"{name}.matrix"], arrays[f"{name}.bias"] = first
            matrix, last_bias = last
            side_by_side.append(Scaled(matrix=matrix.matrix, scale=matrix.scale * alpha))
            bias += last_bias * alpha
        if side_by_side:
            matrices[f"{node}.proxies"] = _SideBySide(parts=side_by_side)
        arrays[f"{node}.bias"] = bias
        if kept:
            arrays[f"{node}.alpha"] = alphas[:1]
            if bundle.manifest.statistics == "task":
                arrays[f"{node}.statistics"] = _statistics(bundle, node, norms[node], alphas[0], bias)
    arrays |= {name: bundle.tensors[name] for name in ("head.weight", "head.bias")}
    return matrices | {name: Unchanged(values=array) for name, array in arrays.items()}


_Layer = tuple[Scaled, FloatArray]  # a 1x1 convolution and its batch-norm as a matrix and a bias


def _proxy(bundle: Bundle, shapes: Geometry, source: int, node: int) -> tuple[_Layer | None, _Layer]:
    """The layer before a bottleneck proxy's ReLU, and the last one."""
    prefix = f"proxies.{node}.{source}"
    if not shapes.bottleneck:
        return None, _layer(bundle, prefix, "")
    return _layer(bundle, prefix, "1"), _layer(bundle, prefix, "2")


def _layer(bundle: Bundle, prefix: str, layer: str) -> _Layer:
    tensors, norm = bundle.tensors, f"{prefix}.norm{layer}"
    matrix = tensors[f"{prefix}.conv{layer}.weight"][:, :, 0, 0]
    scale = tensors[f"{norm}.weight"] / np.sqrt(tensors[f"{norm}.running_var"] + _EPS)
    return Scaled(matrix=matrix, scale=scale), tensors[f"{norm}.bias"] - tensors[f"{norm}.running_mean"] * scale


def _statistics(
    bundle: Bundle, node: int, norms: Mapping[str, Norm], alpha: np.float32, bias: FloatArray
) -> FloatArray:
    prefix = f"statistics.{node}"
    pairs = {
        name: norm.scale_and_shift(bundle.tensors[f"{prefix}.{name}.mean"], bundle.tensors[f"{prefix}.{name}.var"])
        for name, norm in norms.items()
    }
    identity = (np.ones_like(bias), np.zeros_like(bias))
    shortcut_scale, shortcut_shift = pairs.pop("shortcut.1", identity)
    *inner, (last_scale, last_shift) = pairs.values()
    parts = [part for pair in inner for part in pair]
    parts += [last_scale * alpha, shortcut_scale * alpha, (last_shift + shortcut_shift) * alpha + bias]
    return np.concatenate(parts)
