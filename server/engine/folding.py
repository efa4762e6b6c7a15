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
    {l}.{conv}.beside (C_out, C_in)          what a task adds beside a shared convolution, from its input
    {l}.{conv}.behind (C_out, C_out)         what it puts behind one, for its output without bias; both come before the
                                             scale and the shift
    head.weight (K, C_L), head.bias (K,)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nettailor.architecture.geometry import Geometry, geometry
from nettailor.bundle.bundle import Bundle
from nettailor.bundle.manifest import adapters_of
from nettailor.bundle.tensors.adapters import ADAPTERS, SWITCHED_OFF

FloatArray = NDArray[np.float32]

_EPS = 1e-5  # of every proxy's batch-norm


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
class Packed:
    """Bytes that lie where numbers do, as many as fill whole ones."""

    values: NDArray[np.uint8] | NDArray[np.int8]

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.values.size // np.dtype(np.float32).itemsize,)

    def write(self, out: FloatArray) -> None:
        out.view(self.values.dtype)[...] = self.values.reshape(-1)


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
class _Between:
    """A matrix (C_out, C) whose rows are multiplied by `scale` (C_out,) and whose columns by `columns` (C,), and the
    identity beside it if `keeps`."""

    matrix: FloatArray
    scale: FloatArray
    columns: FloatArray
    keeps: bool

    @property
    def shape(self) -> tuple[int, ...]:
        return self.matrix.shape

    def write(self, out: FloatArray) -> None:
        np.multiply(self.matrix, self.scale[:, None], out=out)
        out *= self.columns
        if self.keeps:
            np.einsum("ii->i", out)[...] += 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Norm:
    """What a task's statistics of a shared batch-norm layer are combined with; arrays (C,)."""

    weight: FloatArray
    bias: FloatArray
    var: FloatArray
    eps: float

    @property
    def folded(self) -> FloatArray:
        """What the shared convolution before it is multiplied with, g / sqrt(v + eps)."""
        scale: FloatArray = self.weight / np.sqrt(self.var + np.float32(self.eps))
        return scale

    @property
    def seen(self) -> NDArray[np.bool_]:
        """The channels of which that leaves anything."""
        return np.abs(self.weight) > SWITCHED_OFF

    @property
    def unfolded(self) -> FloatArray:
        """What undoes it, and 0 for the other channels."""
        return np.divide(1, self.folded, out=np.zeros_like(self.weight), where=self.seen)

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
            matrices |= _adapters(bundle, shapes, node, norms[node])
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
    scale, shift = _normalising(bundle, f"{prefix}.norm{layer}", _EPS)
    return Scaled(matrix=_matrix(bundle, f"{prefix}.conv{layer}"), scale=scale), shift


def _statistics(
    bundle: Bundle, node: int, norms: Mapping[str, Norm], alpha: np.float32, bias: FloatArray
) -> FloatArray:
    pairs = {name: _scale_and_shift(bundle, node, name, norm) for name, norm in norms.items()}
    identity = (np.ones_like(bias), np.zeros_like(bias))
    shortcut_scale, shortcut_shift = pairs.pop("shortcut.1", identity)
    *inner, (last_scale, last_shift) = pairs.values()
    parts = [part for pair in inner for part in pair]
    parts += [last_scale * alpha, shortcut_scale * alpha, (last_shift + shortcut_shift) * alpha + bias]
    return np.concatenate(parts)


def _scale_and_shift(bundle: Bundle, node: int, name: str, norm: Norm) -> tuple[FloatArray, FloatArray]:
    """Of a task's batch-norm of this name, with what a series adapter before it adds whatever the image."""
    prefix = f"statistics.{node}.{name}"
    scale, shift = norm.scale_and_shift(bundle.tensors[f"{prefix}.mean"], bundle.tensors[f"{prefix}.var"])
    branch, _, place = name.partition(".")
    conv = f"{ADAPTERS}.{node}.{branch}.{int(place) - 1}"
    if f"{conv}.norm.bias" not in bundle.tensors:
        return scale, shift
    _, own_shift = _normalising(bundle, f"{conv}.norm", norm.eps)
    return scale, shift + scale * norm.folded * (_matrix(bundle, conv) @ (own_shift * norm.seen))


def _adapters(bundle: Bundle, shapes: Geometry, node: int, norms: Mapping[str, Norm]) -> dict[str, Folded]:
    """With z the convolution's output, G the batch-norm folded into it and u = G z what is computed: A x beside z is
    G A x beside u; a matrix P behind z is G P G^-1 behind u, of z + A BN(z) with BN(z) = D z + b it is 1 + G A D G^-1,
    and G A b is part of the shift."""
    method, found = adapters_of(bundle.manifest.method), dict[str, Folded]()
    for name in shapes.blocks[node - 1].adaptable if method else ():
        prefix, norm = f"{ADAPTERS}.{node}.{name}", norms[f"branch.{int(name.removeprefix('branch.')) + 1}"]
        matrix = _matrix(bundle, prefix)
        if method == "parallel-adapters":
            found[f"{node}.{name}.beside"] = Scaled(matrix=matrix, scale=norm.folded)
        elif method == "series-adapters":
            columns = _normalising(bundle, f"{prefix}.norm", norm.eps)[0] * norm.unfolded
            found[f"{node}.{name}.behind"] = _Between(matrix=matrix, scale=norm.folded, columns=columns, keeps=True)
        else:
            behind = _Between(matrix=matrix, scale=norm.folded, columns=norm.unfolded, keeps=False)
            found[f"{node}.{name}.behind"] = behind
    return found


def _matrix(bundle: Bundle, prefix: str) -> FloatArray:
    return bundle.tensors[f"{prefix}.weight"][:, :, 0, 0]


def _normalising(bundle: Bundle, norm: str, eps: float) -> tuple[FloatArray, FloatArray]:
    """What a batch-norm with weight and bias of its own multiplies with, and what it adds then."""
    weight, bias, mean, var = (
        bundle.tensors[f"{norm}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale: FloatArray = (weight / np.sqrt(var + np.float32(eps))).astype(np.float32)
    return scale, bias - mean * scale
