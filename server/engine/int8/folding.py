"""Folding a bundle with activation ranges for the pass in 8 bits (torch-free).

Names of the arrays, as of `server.engine.folding` but for the proxies' matrices, l a present node, p the source of a
proxy (C channels, M middle channels):

    {l}.ranges (1 + m,)                    as in the bundle, also of node 0
    {l}.proxies.int8 (words,)              the node's matrix (sum of C_p, C_l), each row times the scale of the
                                           activation that it reads, in int8, four in the memory of each number
    {l}.proxies.scale (C_l,)               what its columns are multiplied with
    {l}.proxies.{p}.int8 (words,)          on bottleneck backbones that of each proxy's layer before the ReLU, (C_p, M);
    {l}.proxies.{p}.scale (M,)             those behind it stay as they are
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from nettailor.architecture.geometry import Geometry, geometry
from nettailor.bundle.bundle import Bundle
from nettailor.bundle.tensors.ranges import LARGEST_BYTE, LARGEST_WEIGHT, RANGES
from server.engine.folding import FloatArray, Folded, Norm, Packed, Unchanged, fold

_MATRIX = ".int8"  # the end of a matrix's name


def int8_matrix(words: FloatArray, columns: int) -> NDArray[np.int8]:
    """A view of what `fold_int8` wrote; `columns` is a multiple of what a number holds."""
    return words.view(np.int8).reshape(-1, columns)


def is_matrix(name: str) -> bool:
    return name.endswith(_MATRIX)


def fold_int8(bundle: Bundle, norms: Mapping[int, Mapping[str, Norm]]) -> dict[str, Folded]:
    """All arrays of the module's docstring, the matrices last; `norms` are the shared blocks', by node and name."""
    arrays = dict(fold(bundle, norms))
    shapes, plan = geometry(bundle.manifest.backbone.id), bundle.manifest.plan
    for node in plan.nodes():
        sources = plan.sources(node)
        if shapes.bottleneck:
            for source in sources:
                name, matrix = f"{node}.proxies.{source}", arrays.pop(f"{node}.proxies.{source}.matrix")
                arrays |= _quantised(name, matrix, _scales(bundle, shapes, (source,)))
        elif sources:
            name = f"{node}.proxies"
            arrays |= _quantised(name, arrays.pop(name), _scales(bundle, shapes, sources))
    ranges = {node: bundle.tensors[f"{RANGES}{node}"] for node in (0, *plan.nodes())}
    arrays |= {f"{node}.ranges": Unchanged(values=values) for node, values in ranges.items()}
    return dict(sorted(arrays.items(), key=lambda named: is_matrix(named[0])))


def _scales(bundle: Bundle, shapes: Geometry, sources: tuple[int, ...]) -> FloatArray:
    """Of the activations that a matrix reads, side by side in the order of their sources."""
    each = [np.full(shapes.channels[p], bundle.tensors[f"{RANGES}{p}"][0] / LARGEST_BYTE, np.float32) for p in sources]
    return np.concatenate(each)


def _quantised(name: str, folded: Folded, scales: FloatArray) -> dict[str, Folded]:
    matrix = np.empty(folded.shape, np.float32)
    folded.write(matrix)
    matrix *= scales
    most = np.abs(matrix).max(1)
    scale = np.divide(most, LARGEST_WEIGHT, out=np.ones_like(most), where=most > 0)
    quantised = np.rint(matrix / scale[:, None]).astype(np.int8)
    return {f"{name}{_MATRIX}": Packed(values=quantised.T), f"{name}.scale": Unchanged(values=scale)}
