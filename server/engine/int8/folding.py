"""Folding a bundle with activation ranges for the pass in 8 bits (torch-free).

Names of the arrays, as of `server.engine.folding` but for the proxies' matrices, l a present node, p the source of a
proxy (C channels, M middle channels):

    {l}.ranges (1 + m,)                    as in the bundle, also of node 0
    {l}.proxies.int8 (words,)              the node's matrix (sum of C_p, C_l), each row times the scale of the
                                           activation that it reads, in int8, four in the memory of each number; what
                                           it is multiplied with is signed, and what that takes away is in the biases
    {l}.proxies.scale (C_l,)               what its columns are multiplied with
    {l}.proxies.{p}.int8 (words,)          on bottleneck backbones that of each proxy's layer before the ReLU, (C_p, M);
    {l}.proxies.{p}.scale (M,)             those behind it stay as they are
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nettailor.architecture.geometry import Geometry, geometry
from nettailor.bundle.bundle import Bundle
from nettailor.bundle.tensors.ranges import LARGEST_BYTE, LARGEST_WEIGHT, RANGES, ZERO_POINT
from server.engine.folding import FloatArray, Folded, Norm, Packed, Unchanged, fold


def int8_matrix(words: FloatArray, columns: int) -> NDArray[np.int8]:
    """A view of what `fold_int8` wrote; `columns` is a multiple of what a number holds."""
    return words.view(np.int8).reshape(-1, columns)


def fold_int8(bundle: Bundle, norms: Mapping[int, Mapping[str, Norm]]) -> dict[str, Folded]:
    """All arrays of the module's docstring; `norms` are the shared blocks', by node and name."""
    arrays = dict(fold(bundle, norms))
    shapes, plan = geometry(bundle.manifest.backbone.id), bundle.manifest.plan
    for node in plan.nodes():
        sources = plan.sources(node)
        if shapes.bottleneck:
            for source in sources:
                name = f"{node}.proxies.{source}"
                matrix = _quantised(arrays.pop(f"{name}.matrix"), _scales(bundle, shapes, (source,)))
                arrays |= matrix.arrays(name)
                _add(arrays, f"{name}.bias", matrix.missing)
        elif sources:
            name = f"{node}.proxies"
            matrix = _quantised(arrays.pop(name), _scales(bundle, shapes, sources))
            arrays |= matrix.arrays(name)
            for sums in (f"{node}.bias", f"{node}.statistics"):
                _add(arrays, sums, matrix.missing)
    ranges = {node: bundle.tensors[f"{RANGES}{node}"] for node in (0, *plan.nodes())}
    return arrays | {f"{node}.ranges": Unchanged(values=values) for node, values in ranges.items()}


@dataclass(frozen=True, kw_only=True, eq=False)
class _Matrix:
    """A quantised matrix (C_l, K) and the scale of each of its rows (C_l,)."""

    quantised: NDArray[np.int8]
    scale: FloatArray

    @property
    def missing(self) -> FloatArray:
        """(C_l,): what its product with signed activations is less than that with the activations themselves."""
        sums = self.quantised.sum(1, dtype=np.int32).astype(np.float32)
        missing: FloatArray = ZERO_POINT * sums * self.scale
        return missing

    def arrays(self, name: str) -> dict[str, Folded]:
        return {f"{name}.int8": Packed(values=self.quantised.T), f"{name}.scale": Unchanged(values=self.scale)}


def _add(arrays: dict[str, Folded], name: str, shift: FloatArray) -> None:
    """To the last numbers of an array, where there is one of this name."""
    found = arrays.get(name)
    if isinstance(found, Unchanged):
        values = found.values.copy()
        values[-len(shift) :] += shift
        arrays[name] = Unchanged(values=values)


def _scales(bundle: Bundle, shapes: Geometry, sources: tuple[int, ...]) -> FloatArray:
    """Of the activations that a matrix reads, side by side in the order of their sources."""
    each = [np.full(shapes.channels[p], bundle.tensors[f"{RANGES}{p}"][0] / LARGEST_BYTE, np.float32) for p in sources]
    return np.concatenate(each)


def _quantised(folded: Folded, scales: FloatArray) -> _Matrix:
    matrix = np.empty(folded.shape, np.float32)
    folded.write(matrix)
    matrix *= scales
    most = np.abs(matrix).max(1)
    scale = np.divide(most, LARGEST_WEIGHT, out=np.ones_like(most), where=most > 0)
    return _Matrix(quantised=np.rint(matrix / scale[:, None]).astype(np.int8), scale=scale)
