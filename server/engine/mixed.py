"""One pass of a mixed batch, or of a lane's part of it, through the shared blocks.

Legend: N rows (an image once for every task that wants it), T tasks, C channels, H W, K classes. Activations are
(N, H, W, C), contiguous, of the device's dtype; rows of one task lie together.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from server.engine.adapters import Adapter, ConvolutionAdapter, NodeAdapter, ProxyAdapter
from server.engine.backbone import ConvolutionBlock, SharedNetwork, max_pool
from server.engine.rows import Rows

_FEW_ROWS = 512


class Node:
    """An activation x (N, H, W, C), and what convolutions and proxies read of it: itself, or its quantised form."""

    def __init__(self, rows: Rows, x: Tensor, read: Tensor) -> None:
        self.rows, self.x, self.read = rows, x, read
        self._by_task: dict[int, Tensor] = {}

    @property
    def by_task(self) -> dict[int, Tensor]:
        """What proxies read, each task's part of it as the rows of a matrix (n H W, C)."""
        if not self._by_task:
            self._by_task = matrices(self.rows, self.read)
        return self._by_task


def matrices(rows: Rows, x: Tensor) -> dict[int, Tensor]:
    """Each task's part of x (N, H, W, C) as a matrix (n H W, C), a view."""
    _, height, width, channels = x.shape
    pieces = x.view(-1, channels).split_with_sizes([rows.counts[t] * height * width for t in rows.tasks])
    return dict(zip(rows.tasks, pieces, strict=True))


class MixedPass:
    """`adapters[t]` has `counts[t]` rows."""

    def __init__(self, shared: SharedNetwork, adapters: Sequence[Adapter], counts: Sequence[int]) -> None:
        self._shared, self._adapters = shared, adapters
        self._all = Rows(tasks=tuple(range(len(adapters))), counts=counts)
        self._nodes: dict[int, Node] = {}
        self._pooled: dict[tuple[int, int], Node] = {}
        self._indices: dict[tuple[tuple[int, ...], tuple[int, ...]], Tensor] = {}

    def run(self, x: Tensor) -> list[Tensor]:
        """x_0 (N, H, W, C_0) -> logits (n, K) of each task."""
        self._place = x.device
        self._nodes[0] = self._activation(0, self._all, x)
        depth = len(self._shared.blocks)
        for node in range(1, depth + 1):
            rows = self._all.subset(t for t, a in enumerate(self._adapters) if node in a.nodes)
            if rows.tasks:
                self._nodes[node] = self._node(node, rows)
            self._drop_used(node)
        return self._classified(self._nodes[depth].x)

    def _classified(self, x: Tensor) -> list[Tensor]:
        features = x.mean((1, 2))
        return [
            torch.addmm(adapter.head_bias, features[self._all.of(task)], adapter.head_weight.t())
            for task, adapter in enumerate(self._adapters)
        ]

    def _node(self, node: int, rows: Rows) -> Node:
        """x_l (eq. 2): the block over all rows that keep it, then each task's proxies added in place."""
        x = self._start(node, rows)
        self._add_all_proxies(node, rows, x)
        return self._activation(node, rows, x.relu_())

    def _add_all_proxies(self, node: int, rows: Rows, x: Tensor) -> None:
        for task, own in matrices(rows, x).items():
            self._add_proxies(task, node, own)

    def _activation(self, node: int, rows: Rows, x: Tensor) -> Node:
        return Node(rows, x, x)

    def _add_proxies(self, task: int, node: int, own: Tensor) -> None:
        """In one product where it is bound by reading its weights, or in bf16; larger ones gain nothing by that and
        would pay for the copy of their inputs (docs/log.md)."""
        proxies, weight = self._at(task, node).proxies, self._at(task, node).weight
        if weight is None:
            return
        inputs = [self._input(task, node, proxy) for proxy in proxies]
        if len(inputs) > 1 and (len(own) <= _FEW_ROWS or own.dtype == torch.bfloat16):
            own.addmm_(torch.cat(inputs, 1), weight)
            return
        for x, proxy in zip(inputs, proxies, strict=True):
            own.addmm_(x, weight[proxy.rows])

    def _input(self, task: int, node: int, proxy: ProxyAdapter) -> Tensor:
        """What the node's weight is multiplied with: (n H W, C_p), or (n H W, M) behind a bottleneck proxy's ReLU."""
        x = self._source(proxy).by_task[task]
        if proxy.inner is None:
            return x
        weight, bias = proxy.inner
        return torch.addmm(bias, x, weight).relu_()

    def _start(self, node: int, rows: Rows) -> Tensor:
        """a_ll G_l(x_{l-1}) where the block is kept, and the sum of the proxies' biases everywhere."""
        keepers = self._keepers(node, rows)
        if not keepers.tasks:
            first = self._source(self._at(rows.tasks[0], node).proxies[0]).x
            return self._biases(node, rows, *first.shape[1:3])
        x = self._block(node, keepers)
        if keepers is rows:
            return x
        return self._biases(node, rows, *x.shape[1:3]).index_copy_(0, self._index(rows, keepers), x)

    def _keepers(self, node: int, rows: Rows) -> Rows:
        return rows.subset(t for t in rows.tasks if self._at(t, node).alpha is not None)

    def _block(self, node: int, keepers: Rows) -> Tensor:
        source, block = self._nodes[node - 1], self._shared.blocks[node - 1]
        x = self._rows_of(source.rows, source.x, keepers)
        members = [self._at(t, node) for t in keepers.tasks]
        if any(member.statistics is not None for member in members):
            return self._scaled_block(node, keepers, x, x)
        y = block(x)
        alphas = a_row_each([member.alpha for member in members], keepers)
        return torch.addcmul(self._bias(node, keepers), y, alphas, out=y)

    def _scaled_block(self, node: int, keepers: Rows, x: Tensor, beside: Tensor) -> Tensor:
        """The convolutions of x, with what each task multiplies and adds; `beside` goes through the shortcut."""
        block = self._shared.blocks[node - 1]
        vectors = a_row_each([self._statistics(task, node) for task in keepers.tasks], keepers)
        *inner, last, shortcut, shift = vectors.split(block.statistics_sizes, -1)
        y = x
        for place, (scale, own_shift) in enumerate(zip(inner[::2], inner[1::2], strict=True)):
            y = self._convolved(node, place, keepers, y)
            y = self._between(torch.addcmul(own_shift, y, scale, out=y))
        y = self._convolved(node, len(block.branch) - 1, keepers, y)
        y = torch.addcmul(shift, y, last, out=y)
        return y.addcmul_(beside if block.shortcut is None else block.shortcut(beside, biased=False), shortcut)

    def _statistics(self, task: int, node: int) -> Tensor:
        return statistics_of(self._at(task, node), self._shared.blocks[node - 1])

    def _between(self, y: Tensor) -> Tensor:
        """What the next convolution of a branch reads of y, whose memory may change."""
        return y.relu_()

    def _convolved(self, node: int, place: int, keepers: Rows, x: Tensor) -> Tensor:
        """A convolution of the branch without its bias, over all rows, and what some tasks add to it on theirs."""
        y = self._shared.blocks[node - 1].branch[place](x, biased=False)
        for task in keepers.tasks:
            adapter = self._at(task, node).convolutions.get(place)
            if adapter is not None:
                _add(adapter, x[keepers.of(task)], y[keepers.of(task)])
        return y

    def _source(self, proxy: ProxyAdapter) -> Node:
        """A proxy's input; max-pooling has no weights, so it runs once for all tasks and nodes that want it."""
        if proxy.ratio == 1:
            return self._nodes[proxy.source]
        key = (proxy.source, proxy.ratio)
        if key not in self._pooled:
            node = self._nodes[proxy.source]
            wanting = node.rows.subset(t for t in node.rows.tasks if key in self._adapters[t].pools)
            self._pooled[key] = self._pool(node, wanting, proxy.ratio)
        return self._pooled[key]

    def _pool(self, node: Node, wanting: Rows, ratio: int) -> Node:
        x = max_pool(self._rows_of(node.rows, node.read, wanting), kernel=ratio + 1, stride=ratio)
        return Node(wanting, x, x)

    def _rows_of(self, rows: Rows, x: Tensor, wanted: Rows) -> Tensor:
        """Of x, whose rows are `rows`, those that are wanted."""
        return x if wanted.tasks == rows.tasks else x.index_select(0, self._index(rows, wanted))

    def _index(self, rows: Rows, wanted: Rows) -> Tensor:
        key = (rows.tasks, wanted.tasks)
        if key not in self._indices:
            self._indices[key] = torch.tensor(rows.index(wanted), device=self._place)
        return self._indices[key]

    def _at(self, task: int, node: int) -> NodeAdapter:
        return self._adapters[task].nodes[node]

    def _bias(self, node: int, rows: Rows) -> Tensor:  # (N or 1, 1, 1, C_l)
        return a_row_each([self._at(t, node).bias for t in rows.tasks], rows)

    def _biases(self, node: int, rows: Rows, height: int, width: int) -> Tensor:  # (N, H, W, C_l)
        # Always a copy: of one row of one pixel it would be the adapter's own bias, to which the proxies are added.
        return self._bias(node, rows).expand(rows.total, height, width, -1).clone(memory_format=torch.contiguous_format)

    def _drop_used(self, node: int) -> None:
        """Free every activation that no later node reads."""
        for source in [s for s in self._nodes if max(a.last_use[s] for a in self._adapters) <= node]:
            del self._nodes[source]
            for key in [key for key in self._pooled if key[0] == source]:
                del self._pooled[key]


def _add(adapter: ConvolutionAdapter, x: Tensor, y: Tensor) -> None:
    """To y (n, H', W', C_out), of which it changes the memory; x (n, H, W, C_in) is what the convolution got."""
    rows = y.view(-1, y.shape[-1])
    if adapter.beside is not None:
        stride = -(-x.shape[1] // y.shape[1])
        seen = x if stride == 1 else x[:, ::stride, ::stride].contiguous()
        rows.addmm_(seen.view(-1, x.shape[-1]).to(y.dtype), adapter.beside)
    if adapter.behind is not None:
        rows.copy_(torch.mm(rows, adapter.behind))


def a_row_each(vectors: Sequence[Tensor | None], rows: Rows) -> Tensor:
    """One vector a task -> one a row, (N or 1, 1, 1, C)."""
    present = [vector for vector in vectors if vector is not None]
    assert len(present) == len(rows.tasks)
    if len(present) == 1:
        return present[0].view(1, 1, 1, -1)
    each = [vector for vector, task in zip(present, rows.tasks, strict=True) for _ in range(rows.counts[task])]
    return torch.stack(each)[:, None, None, :]


def statistics_of(member: NodeAdapter, block: ConvolutionBlock) -> Tensor:
    """The member's own statistics, or the backbone's in the same form."""
    if member.statistics is not None:
        return member.statistics
    assert member.alpha is not None
    last = block.branch[-1].bias
    alpha = member.alpha.expand_as(last)
    shift = last if block.shortcut is None else last + block.shortcut.bias
    inner = [part for conv in block.branch[:-1] for part in (torch.ones_like(conv.bias), conv.bias)]
    return torch.cat([*inner, alpha, alpha, torch.addcmul(member.bias, shift, alpha)])
