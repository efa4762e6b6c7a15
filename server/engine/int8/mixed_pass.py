"""The mixed pass in 8 bits: what convolutions and proxies read is quantised with scales of each task's own; sums,
residuals, statistics and classifiers are in float32.

Legend: N rows, C channels, H W, as in `server.engine.mixed`.
"""

import math

import torch
from torch import Tensor

from server.engine.adapters import Int8Node, ProxyAdapter
from server.engine.backbone import ConvolutionBlock
from server.engine.mixed import MixedPass, Node, matrices
from server.engine.rows import Rows
from server.kernels.int8 import Int8Convolution
from server.kernels.int8_scripts import add_products, block, classify, pool, product_relu, quantise, quantised

_PIECE_BYTES = 2**19  # of an activation: what is done to it, one thing after another, finds it in the cache


class QuantisedNode(Node):
    """What convolutions read is quantised, and what proxies read is `signed` besides, as a matrix (N H W, C)."""

    def __init__(self, rows: Rows, x: Tensor, read: Tensor, signed: Tensor) -> None:
        super().__init__(rows, x, read)
        self.signed = signed

    @property
    def by_task(self) -> dict[int, Tensor]:
        if not self._by_task:
            self._by_task = matrices(self.rows, self.signed.view(self.read.shape))
        return self._by_task


class Int8Pass(MixedPass):
    """Its adapters have an `int8`, and the convolutions of its network's blocks are in 8 bits."""

    def _node(self, node: int, rows: Rows) -> Node:
        x = self._start(node, rows)
        self._add_all_proxies(node, rows, x)
        if node == len(self._shared.blocks):  # the classifier reads it as it is
            return Node(rows, x.relu_(), x)
        return self._quantised(node, rows, x, relu=True)

    def _activation(self, node: int, rows: Rows, x: Tensor) -> Node:
        return self._quantised(node, rows, x, relu=False)

    def _quantised(self, node: int, rows: Rows, x: Tensor, *, relu: bool) -> Node:
        inverses = [self._int8(task, node).inverse for task in rows.tasks]
        read, signed = quantise(x, inverses, counts(rows), piece_length(x), relu=relu)
        return QuantisedNode(rows, x, read, signed)

    def _start(self, node: int, rows: Rows) -> Tensor:
        keepers = self._keepers(node, rows)
        if not keepers.tasks or any(self._at(task, node).convolutions for task in keepers.tasks):
            return super()._start(node, rows)
        source, shared = self._nodes[node - 1], self._shared.blocks[node - 1]
        operands, places = operands_of(shared, *source.x.shape[1:3])
        others = [task for task in rows.tasks if self._at(task, node).alpha is None]
        return block(
            source.x,
            source.read,
            chosen(source.rows, keepers),
            [self._statistics(task, node) for task in keepers.tasks],
            counts(keepers),
            sizes=shared.statistics_sizes,
            operands=operands,
            places=places,
            length=piece_length(source.x),
            at=chosen(rows, keepers),
            spans=[[rows.starts[task], rows.counts[task]] for task in others],
            biases=[self._at(task, node).bias for task in others],
        )

    def _block(self, node: int, keepers: Rows) -> Tensor:
        """With what some tasks add to its convolutions."""
        source, shared = self._nodes[node - 1], self._shared.blocks[node - 1]
        x = self._rows_of(source.rows, source.read, keepers)
        beside = x if shared.shortcut is not None else self._rows_of(source.rows, source.x, keepers)
        return self._scaled_block(node, keepers, x, beside)

    def _add_all_proxies(self, node: int, rows: Rows, x: Tensor) -> None:
        found = {task: matrix for task in rows.tasks if (matrix := self._int8(task, node).matrix) is not None}
        if not found:  # none, or with two layers
            super()._add_all_proxies(node, rows, x)
            return
        pixels = x.shape[1] * x.shape[2]
        sources: dict[QuantisedNode, int] = {}
        reads: list[list[int]] = []
        for task in found:
            reads.append([])
            for proxy in self._at(task, node).proxies:
                source = self._quantised_source(proxy)
                reads[-1] += [sources.setdefault(source, len(sources)), source.rows.starts[task] * pixels]
        add_products(
            x,
            [[rows.starts[task] * pixels, rows.counts[task] * pixels] for task in found],
            sources=[source.signed for source in sources],
            reads=reads,
            weights=[matrix.quantised for matrix in found.values()],
            scales=[matrix.scale for matrix in found.values()],
        )

    def _quantised_source(self, proxy: ProxyAdapter) -> QuantisedNode:
        source = self._source(proxy)
        assert isinstance(source, QuantisedNode)
        return source

    def _pool(self, node: Node, wanting: Rows, ratio: int) -> Node:
        read, signed = pool(node.read, chosen(node.rows, wanting), kernel=ratio + 1, stride=ratio)
        return QuantisedNode(wanting, read, read, signed)

    def _input(self, task: int, node: int, proxy: ProxyAdapter) -> Tensor:
        matrix, bias = self._int8(task, node).inner[proxy.source]
        return product_relu(self._source(proxy).by_task[task], matrix.quantised, matrix.scale, bias)

    def _classified(self, x: Tensor) -> list[Tensor]:
        heads = self._adapters
        return classify(x, [a.head_weight for a in heads], [a.head_bias for a in heads], counts(self._all))

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


def counts(rows: Rows) -> list[int]:
    return [rows.counts[task] for task in rows.tasks]


def chosen(rows: Rows, wanted: Rows) -> list[int]:
    """Where the wanted rows are among these; none where they are all."""
    return [] if wanted.tasks == rows.tasks else rows.index(wanted)


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
    return max(1, _PIECE_BYTES // (math.prod(x.shape[1:]) * torch.float32.itemsize))
