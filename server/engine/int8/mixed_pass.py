"""The mixed pass in 8 bits: what convolutions and proxies read is quantised with scales of each task's own; sums,
residuals, statistics and classifiers are in float32.

Legend: N rows, C channels, H W, as in `server.engine.mixed`.
"""

from torch import Tensor

from server.engine.adapters import Int8Node, ProxyAdapter
from server.engine.backbone import ConvolutionBlock
from server.engine.mixed import MixedPass, Node, a_row_each, matrices
from server.engine.rows import Rows
from server.kernels.int8 import Int8Convolution
from server.kernels.int8_scripts import (
    add_products,
    max_pool_bytes,
    product_relu,
    quantise_rows,
    quantised,
    residual,
    signed,
)

_PIECE_BYTES = 2**19  # of an activation: what is done to it, one thing after another, finds it in the cache


class SignedNode(Node):
    """Whose proxies read signed activations, and whose convolutions quantised ones as they are."""

    @property
    def by_task(self) -> dict[int, Tensor]:
        if not self._by_task:
            self._by_task = matrices(self.rows, signed(self.read))
        return self._by_task


class Int8Pass(MixedPass):
    """Its adapters have an `int8`, and the convolutions of its network's blocks are in 8 bits."""

    def _activation(self, node: int, rows: Rows, x: Tensor) -> Node:
        if node == len(self._shared.blocks):  # the classifier reads it as it is
            return super()._activation(node, rows, x)
        inverse = a_row_each([self._int8(task, node).inverse for task in rows.tasks], rows)
        return SignedNode(rows, x, quantise_rows(x, inverse, piece_length(x)))

    def _add_all_proxies(self, node: int, rows: Rows, x: Tensor) -> None:
        found = {task: matrix for task in rows.tasks if (matrix := self._int8(task, node).matrix) is not None}
        if not found:  # none, or with two layers
            super()._add_all_proxies(node, rows, x)
            return
        pixels = x.shape[1] * x.shape[2]
        inputs = [[self._source(proxy).by_task[task] for proxy in self._at(task, node).proxies] for task in found]
        weights, scales = [m.quantised for m in found.values()], [m.scale for m in found.values()]
        add_products(x, [rows.starts[task] * pixels for task in found], inputs, weights, scales)

    def _pool(self, read: Tensor, ratio: int) -> Tensor:
        return max_pool_bytes(read, kernel=ratio + 1, stride=ratio)

    def _input(self, task: int, node: int, proxy: ProxyAdapter) -> Tensor:
        matrix, bias = self._int8(task, node).inner[proxy.source]
        return product_relu(self._source(proxy).by_task[task], matrix.quantised, matrix.scale, bias)

    def _block(self, node: int, keepers: Rows) -> Tensor:
        source, block = self._nodes[node - 1], self._shared.blocks[node - 1]
        x = self._rows_of(source.rows, source.read, keepers)
        beside = x if block.shortcut is not None else self._rows_of(source.rows, source.x, keepers)
        if any(self._at(task, node).convolutions for task in keepers.tasks):
            return self._scaled_block(node, keepers, x, beside)
        statistics = a_row_each([self._statistics(task, node) for task in keepers.tasks], keepers)
        operands, places = operands_of(block, *x.shape[1:3])
        return residual(
            x,
            beside,
            statistics=statistics,
            sizes=block.statistics_sizes,
            operands=operands,
            places=places,
            length=piece_length(source.x),
        )

    def _statistics(self, task: int, node: int) -> Tensor:
        statistics = self._int8(task, node).statistics
        assert statistics is not None
        return statistics

    def _between(self, y: Tensor) -> Tensor:
        return quantised(y)

    def _int8(self, task: int, node: int) -> Int8Node:
        nodes = self._adapters[task].int8
        assert nodes is not None
        return nodes[node]


def operands_of(block: ConvolutionBlock, height: int, width: int) -> tuple[list[list[Tensor]], list[list[int]]]:
    """Of its convolutions, for an input of this size; and the stride and padding of each."""
    sizes, places = [(height, width)], [[conv.stride, conv.padding] for conv in block.convolutions]
    for conv in block.branch[:-1]:
        sizes.append((-(-sizes[-1][0] // conv.stride), -(-sizes[-1][1] // conv.stride)))
    if block.shortcut is not None:
        sizes.append((height, width))
    kernels = [conv.kernel for conv in block.convolutions]
    operands = [k.operands(*size) for k, size in zip(kernels, sizes, strict=True) if isinstance(k, Int8Convolution)]
    return operands, places


def piece_length(x: Tensor) -> int:
    """How many rows of it make a piece."""
    return max(1, _PIECE_BYTES // (x[0].numel() * x.element_size()))
