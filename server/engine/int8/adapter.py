"""Making a bundle that was folded for 8 bits ready to run: proxies become int8 matrices, and statistics lead from the
scale of one activation to that of the next.

Legend: C_l channels of node l, M middle channels of a bottleneck proxy, S as in `server.engine.folding`.
"""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from nettailor.architecture.geometry import Geometry
from nettailor.bundle.tensors.ranges import LARGEST_BYTE
from server.engine import adapters
from server.engine.adapters import Adapter, Int8Node, NodeAdapter
from server.engine.backbone import SharedNetwork
from server.engine.folded import FoldedBundle
from server.engine.folding import FloatArray
from server.engine.int8.folding import int8_matrix
from server.engine.mixed import statistics_of
from server.kernels.device import Device
from server.kernels.int8 import Int8Matrix


def upload_int8(folded: FoldedBundle, network: SharedNetwork, shapes: Geometry, device: Device) -> Adapter:
    """Through the network whose convolutions are in 8 bits."""
    adapter = adapters.upload(folded, network, shapes, device)
    arrays = folded.arrays()
    nodes = {0: Int8Node(inverse=_inverse(arrays, 0), statistics=None, matrix=None, inner={})}
    nodes |= {node: _node(node, adapter, arrays, shapes) for node in adapter.nodes}
    return replace(adapter, int8=nodes, size_bytes=adapter.size_bytes + sum(map(_size_bytes, nodes.values())))


def _size_bytes(node: Int8Node) -> int:
    """Of what is not in the bundle's buffer."""
    tensors = [node.inverse] + ([] if node.statistics is None else [node.statistics])
    return sum(tensor.untyped_storage().nbytes() for tensor in tensors)


def _node(node: int, adapter: Adapter, arrays: Mapping[str, FloatArray], shapes: Geometry) -> Int8Node:
    own = adapter.nodes[node]
    matrix: Int8Matrix | None = None
    inner: dict[int, tuple[Int8Matrix, Tensor]] = {}
    if shapes.bottleneck:
        names = {p.source: f"{node}.proxies.{p.source}" for p in own.proxies}
        inner = {p: (_matrix(name, arrays), torch.from_numpy(arrays[f"{name}.bias"])) for p, name in names.items()}
    elif own.proxies:
        matrix = _matrix(f"{node}.proxies", arrays)
    return Int8Node(
        inverse=_inverse(arrays, node),
        statistics=None if own.alpha is None else _statistics(node, adapter.network, own, arrays),
        matrix=matrix,
        inner=inner,
    )


def _inverse(arrays: Mapping[str, FloatArray], node: int) -> Tensor:
    return LARGEST_BYTE / torch.from_numpy(arrays[f"{node}.ranges"][:1])


def _matrix(name: str, arrays: Mapping[str, FloatArray]) -> Int8Matrix:
    scale = arrays[f"{name}.scale"]
    quantised = torch.from_numpy(int8_matrix(arrays[f"{name}.int8"], len(scale)))
    return Int8Matrix(quantised=quantised, scale=torch.from_numpy(scale))


def _statistics(node: int, network: SharedNetwork, own: NodeAdapter, arrays: Mapping[str, FloatArray]) -> Tensor:
    """Those of the block over what its convolutions give for quantised activations, in units of these. All but the last
    end in quantised units of the next, the last and the shortcut in the sum of the node."""
    block = network.blocks[node - 1]
    scales = [arrays[f"{node - 1}.ranges"][0] / LARGEST_BYTE, *(arrays[f"{node}.ranges"][1:] / LARGEST_BYTE)]
    *inner, last, shortcut, shift = statistics_of(own, block).split(block.statistics_sizes)
    parts = []
    for scale, own_shift, before, after in zip(inner[::2], inner[1::2], scales[:-1], scales[1:], strict=True):
        parts += [scale * (before / after), own_shift / after]
    projection = 1.0 if block.shortcut is None else scales[0]
    return torch.cat([*parts, last * scales[-1], shortcut * projection, shift])
