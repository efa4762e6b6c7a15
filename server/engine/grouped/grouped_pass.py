"""A batch of tasks that are in slots, through the shared blocks: one product a node for all tasks' proxies.

Every node has all rows of the batch. A task that lacks a node, a block or a proxy has zeros in their place, so that the
launches depend on the number of rows alone, and tasks are data. Blocks may still be run for those rows only whose tasks
keep them (`Kept`).

Legend: N rows sorted by slot, S slots, C channels, H W, K columns of a node's proxies. Activations are (N, H, W, C) and
contiguous.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from server.engine.backbone import ConvolutionBlock, SharedNetwork, max_pool
from server.engine.grouped.layout import SKIPS, SlotLayout
from server.kernels.graph_cache import GraphCache
from server.kernels.grouped_product import GroupedProduct


@dataclass(frozen=True, kw_only=True, eq=False)
class Kept:
    """What a batch's tasks make use of, by node."""

    blocks: Mapping[int, Tensor | None]  # rows whose task keeps it; None: all do; no entry: none does
    proxies: frozenset[int]  # nodes that any task has proxies into


class GroupedPass:
    """For one batch. `slots` (N,) is the slot of each row, `ends` (S,) int32 how many rows lie in it and all before."""

    def __init__(
        self,
        shared: SharedNetwork,
        layout: SlotLayout,
        values: Tensor,
        product: GroupedProduct,
        *,
        recorded: GraphCache | None = None,
    ) -> None:
        self._shared, self._layout, self._values = shared, layout, values
        self._product, self._recorded = product, recorded

    def run(self, x: Tensor, slots: Tensor, ends: Tensor, kept: Kept | None = None) -> Tensor:
        """x_0 (N, H, W, C_0) -> logits (N, CLASSES), of which each task has its first. Without `kept` every block runs
        for every row."""
        self._ends = ends
        self._looked_up = self._values[:, : self._layout.looked_up].index_select(0, slots)[:, None, None, :]
        self._nodes, self._pooled = {0: x}, dict[tuple[int, int], Tensor]()
        depth = len(self._shared.blocks)
        for node in range(1, depth + 1):
            self._nodes[node] = self._node(node, kept)
            self._drop_used(node)
        features = self._nodes[depth].mean((1, 2))
        return self._grouped(features, "head.weight", pixels=1).add_(self._vector("head.bias").flatten(1))

    def _node(self, node: int, kept: Kept | None) -> Tensor:
        """x_l (eq. 2)."""
        y = self._start(node, kept)
        if kept is None or node in kept.proxies:
            _, height, width, channels = y.shape
            inputs = torch.cat([self._input(source, node) for source in self._layout.sources[node - 1]], -1)
            y.view(-1, channels).add_(self._grouped(inputs, f"{node}.proxies", pixels=height * width))
        return y.relu_()

    def _start(self, node: int, kept: Kept | None) -> Tensor:
        """a_ll G_l(x_{l-1}), zero for rows without the block, and the sum of the proxies' biases."""
        x, statistics = self._nodes[node - 1], self._vector(f"{node}.statistics")
        rows = None if kept is None else kept.blocks.get(node)
        if rows is None and (kept is None or node in kept.blocks):
            return self._block(node, x, statistics)
        block = self._shared.blocks[node - 1]
        shift = statistics.split(block.statistics_sizes, -1)[-1]
        ratio = self._shared.strides[node] // self._shared.strides[node - 1]
        height, width = (-(-side // ratio) for side in x.shape[1:3])
        y: Tensor = shift.expand(-1, height, width, -1).clone(memory_format=torch.contiguous_format)
        if rows is not None:
            y.index_copy_(0, rows, self._block(node, x.index_select(0, rows), statistics.index_select(0, rows)))
        return y

    def _block(self, node: int, x: Tensor, statistics: Tensor) -> Tensor:
        block = self._shared.blocks[node - 1]
        if self._recorded is None:
            return scaled_block(block, x, statistics)
        return self._recorded.run(("block", node), lambda *rows: scaled_block(block, *rows), [x, statistics])

    def _input(self, source: int, node: int) -> Tensor:
        """What a proxy's part of the node's weights is multiplied with: (N H' W', C_p), or (N H' W', M) behind a
        bottleneck proxy's ReLU."""
        x = self._source(source, self._shared.strides[node] // self._shared.strides[source])
        inputs, name = x.view(-1, x.shape[-1]), f"{node}.proxies.{source}"
        if f"{name}.matrix" not in self._layout.regions:
            return inputs
        inner = self._grouped(inputs, f"{name}.matrix", pixels=x.shape[1] * x.shape[2])
        with_bias = inner.view(*x.shape[:3], -1).add_(self._vector(f"{name}.bias")).relu_()
        return with_bias.view(inner.shape)

    def _source(self, source: int, ratio: int) -> Tensor:
        if ratio == 1:
            return self._nodes[source]
        if (source, ratio) not in self._pooled:
            self._pooled[source, ratio] = max_pool(self._nodes[source], kernel=ratio + 1, stride=ratio)
        return self._pooled[source, ratio]

    def _grouped(self, x: Tensor, name: str, *, pixels: int) -> Tensor:
        """x (N pixels, K) times each task's matrix of this name, (C, K) in its slot."""
        return self._product(x, self._layout.regions[name].of(self._values).transpose(1, 2), self._ends * pixels)

    def _vector(self, name: str) -> Tensor:  # (N, 1, 1, C)
        return self._looked_up[..., self._layout.regions[name].span]

    def _drop_used(self, node: int) -> None:
        """Free every activation that no later node reads."""
        used = node - SKIPS
        self._nodes.pop(used, None)
        for key in [key for key in self._pooled if key[0] <= used]:
            del self._pooled[key]


def scaled_block(block: ConvolutionBlock, x: Tensor, statistics: Tensor) -> Tensor:
    """The pre-activation sum; `statistics` (N, 1, 1, ...) of each row as `server.engine.folding` lays them out."""
    *inner, last, shortcut, shift = statistics.split(block.statistics_sizes, -1)
    y = x
    for conv, scale, own_shift in zip(block.branch, inner[::2], inner[1::2], strict=False):
        y = conv(y, biased=False)
        y = torch.addcmul(own_shift, y, scale, out=y).relu_()
    y = block.branch[-1](y, biased=False)
    y = torch.addcmul(shift, y, last, out=y)
    return y.addcmul_(x if block.shortcut is None else block.shortcut(x, biased=False), shortcut)
