"""The mixed pass in 8 bits: what convolutions and proxies read is quantised with scales of each task's own; sums,
residuals, statistics and classifiers are in float32.

Legend: N rows, C channels, H W, as in `server.engine.mixed`.
"""

import torch
from torch import Tensor

from server.engine.adapters import Int8Node, ProxyAdapter
from server.engine.backbone import SharedNetwork
from server.engine.mixed import MixedPass, Node, a_row_each
from server.engine.rows import Rows
from server.kernels.int8 import quantise, quantise_by

_PIECE_BYTES = 2**19  # of an activation: what is done to it, one thing after another, finds it in the cache


class Int8Pass(MixedPass):
    """Its adapters have an `int8`, and the convolutions of its network's blocks are in 8 bits."""

    def _activation(self, node: int, rows: Rows, x: Tensor) -> Node:
        if node == len(self._shared.blocks):  # the classifier reads it as it is
            return super()._activation(node, rows, x)
        inverse = a_row_each([self._int8(task, node).inverse for task in rows.tasks], rows)
        length = _length(x)
        if len(x) <= length:
            return Node(rows, x, quantise_by(x, inverse))
        read, inverse = torch.empty_like(x, dtype=torch.uint8), inverse.expand(len(x), -1, -1, -1)
        for start in range(0, len(x), length):
            piece = slice(start, start + length)
            read[piece] = quantise_by(x[piece], inverse[piece])
        return Node(rows, x, read)

    def _add_proxies(self, task: int, node: int, own: Tensor) -> None:
        matrix = self._int8(task, node).matrix
        if matrix is None:
            super()._add_proxies(task, node, own)
            return
        inputs = [self._source(proxy).by_task[task] for proxy in self._at(task, node).proxies]
        matrix.add_product(own, inputs[0] if len(inputs) == 1 else torch.cat(inputs, 1))

    def _input(self, task: int, node: int, proxy: ProxyAdapter) -> Tensor:
        matrix, bias = self._int8(task, node).inner[proxy.source]
        return matrix.product_relu(self._source(proxy).by_task[task], bias)

    def _block(self, node: int, keepers: Rows) -> Tensor:
        source, block = self._nodes[node - 1], self._shared.blocks[node - 1]
        read = self._rows_of(source.rows, source.read, keepers)
        beside = read if block.shortcut is not None else self._rows_of(source.rows, source.x, keepers)
        length = _length(source.x)
        if len(read) <= length:
            return self._scaled_block(node, keepers, read, beside)
        pieces = keepers.pieces(length)
        return torch.cat([self._scaled_block(node, rows, read[piece], beside[piece]) for piece, rows in pieces])

    def _statistics(self, task: int, node: int) -> Tensor:
        statistics = self._int8(task, node).statistics
        assert statistics is not None
        return statistics

    def _between(self, y: Tensor) -> Tensor:
        return quantise(y)

    def _int8(self, task: int, node: int) -> Int8Node:
        nodes = self._adapters[task].int8
        assert nodes is not None
        return nodes[node]


def warm_up_int8(network: SharedNetwork, x: Tensor) -> None:
    """Run every convolution of the blocks once, from x_0 (N, H, W, C_0) on."""
    for block in network.blocks:
        read = quantise(x.clone())
        if block.shortcut is not None:
            block.shortcut(read, biased=False)
        for conv in block.branch:
            x = conv(read, biased=False)
            read = quantise(x.clone())


def _length(x: Tensor) -> int:
    """How many rows of it make a piece."""
    return max(1, _PIECE_BYTES // (x[0].numel() * x.element_size()))
