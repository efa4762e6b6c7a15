"""The student's training pass: one forward for a loss whose terms want two different gradients.

The classification and the logits' distance to the teacher reach through the whole network; the distances of the nodes
(eq. 11) act on each layer alone, its inputs detached. Run twice, as the authors' released code does, every layer gives
the same values both times. Here it runs once, cut into one small graph a node, and goes back through each of them with
two gradients: the global one alone to the node's inputs, both together to its parameters. A loss that compares no
nodes has one gradient, and its graph is not cut.

Legend: N images, C channels, H W, K classes; nodes l = 0 (stem) ... L as in `plan`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from nettailor.network.backbones import Block, pooled
from nettailor.network.folding import folded
from nettailor.network.proxies import Proxy
from nettailor.network.student import Student


@dataclass(frozen=True, kw_only=True)
class LocalOutputs:
    """One forward pass with what the teacher loss compares (eq. 11).

    `nodes[l]` (N, C_l, H_l, W_l) and `local_logits` (N, K) carry gradient to the parameters of their own layer only,
    `nodes` none if they are not compared; `logits` (N, K), the same values as `local_logits`, to all.
    """

    logits: Tensor
    nodes: Mapping[int, Tensor]
    local_logits: Tensor


@dataclass(frozen=True, kw_only=True)
class _Cut:
    """A part of the graph: its `output`, the `leaf` that stands for it in the parts after it, and those of the leaves
    it uses itself that want a gradient."""

    output: Tensor
    leaf: Tensor
    uses: tuple[Tensor, ...]


class LocalPass:
    """Made once for a student; proxies, alphas and classifier may change between calls, stem and blocks may not.

    What has no batch statistics to follow runs in inference form: the stem, and the blocks if their statistics are
    frozen. `nodes_compared`: whether the loss compares the nodes.
    """

    def __init__(self, student: Student, *, nodes_compared: bool = True) -> None:
        self.student, self.nodes_compared = student, nodes_compared
        self.stem = folded(student.stem)
        kept = {node: student.block(node) for node in student.plan.nodes() if student.plan.keeps_block(node)}
        self.blocks = {n: folded(block) for n, block in kept.items()} if student.statistics == "frozen" else kept
        # By node, as modules are slow to look through: what belongs to its block, and what to its proxies and alphas.
        self.adapted = {node: _trained(self.blocks.get(node)) for node in student.plan.nodes()}
        self.added = {node: _added(student, node) for node in student.plan.nodes()}

    def block(self, node: int) -> Block:
        return cast(Block, self.blocks[node])

    def __call__(self, images: Tensor) -> "Trace":
        """One pass over images (N, 3, H, W)."""
        with torch.no_grad():
            stem = self.stem(images)
        return self.after_stem(stem)

    def after_stem(self, stem: Tensor) -> "Trace":
        """The same from the stem's output x_0 on, (N, C_0, H, W)."""
        return Trace(self, stem)


class Trace:
    """One pass: its `outputs`, and the graph until `backward`."""

    def __init__(self, owner: LocalPass, stem: Tensor) -> None:
        self._owner = owner
        self._student = student = owner.student
        self._nodes: dict[int, _Cut] = {0: _Cut(output=stem, leaf=stem, uses=())}
        self._pools: dict[tuple[int, int], _Cut] = {}  # (source, stride): several proxies share one pooling
        for node in student.plan.nodes():
            self._nodes[node] = self._cut(node)
        features = pooled(self._nodes[student.plan.depth].leaf)
        self.outputs = LocalOutputs(
            logits=student.head(features),
            nodes={node: _leaf(self._nodes[node].output) for node in student.plan.nodes()},
            local_logits=student.head(features.detach()),
        )

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of a loss over `outputs` (and whatever else it depends on) to the student's parameters."""
        loss.backward()
        if not self._owner.nodes_compared:
            return
        for node, cut in sorted(self._nodes.items(), reverse=True):
            for (source, _), pool in self._pools.items():
                if source == node and pool.uses:
                    _back(pool.output, pool.leaf.grad, pool.uses)
            if node > 0:
                self._back_through(node, cut)

    def _back_through(self, node: int, cut: _Cut) -> None:
        beyond = cut.leaf.grad
        _back(cut.output, beyond, [*cut.uses, *self._owner.adapted[node]], keep=True)
        _back(cut.output, _sum(beyond, self.outputs.nodes[node].grad), self._owner.added[node])

    def _cut(self, node: int) -> _Cut:
        """x_l of eq. 2, from leaves."""
        student, uses, terms = self._student, [], []
        alphas = student.alpha(node).unbind()
        if student.plan.keeps_block(node):
            uses.append(self._nodes[node - 1].leaf)
            terms.append(self._owner.block(node).scaled(uses[0], alphas[0]))
        sources = student.plan.sources(node)
        for source, alpha in zip(sources, alphas[len(alphas) - len(sources) :], strict=True):
            proxy = student.proxy(source, node)
            uses.append(self._pooled(source, proxy))
            terms.append(proxy.scaled(uses[-1], alpha))
        return self._cut_at(_summed(terms).relu_(), uses)

    def _cut_at(self, output: Tensor, uses: list[Tensor]) -> _Cut:
        leaf = _leaf(output) if self._owner.nodes_compared else output
        return _Cut(output=output, leaf=leaf, uses=tuple(x for x in uses if x.requires_grad))

    def _pooled(self, source: int, proxy: Proxy) -> Tensor:
        x = self._nodes[source].leaf
        if proxy.stride == 1:
            return x
        if (source, proxy.stride) not in self._pools:
            self._pools[source, proxy.stride] = self._cut_at(proxy.pooled(x), [x])
        return self._pools[source, proxy.stride].leaf


def _trained(block: nn.Module | None) -> list[nn.Parameter]:
    return [] if block is None else [p for p in block.parameters() if p.requires_grad]


def _added(student: Student, node: int) -> list[nn.Parameter]:
    proxies = student.proxies[str(node)].parameters() if student.plan.sources(node) else []
    return [student.alphas[str(node)], *proxies]


def _summed(terms: list[Tensor]) -> Tensor:
    """In the place of the first: nothing that made it wants to see it again, and memory is what a step waits for."""
    total, *others = terms
    for term in others:
        total.add_(term)
    return total


def _leaf(x: Tensor) -> Tensor:
    return x.detach().requires_grad_(x.requires_grad)


def _back(output: Tensor, gradient: Tensor | None, inputs: Sequence[Tensor], *, keep: bool = False) -> None:
    if inputs and gradient is not None:
        root: Tensor = _Beyond.apply(output, gradient)  # type: ignore[no-untyped-call]  # PyTorch has not typed it
        root.backward(retain_graph=keep, inputs=list(inputs))


class _Beyond(torch.autograd.Function):
    """All that lies beyond an output, as one number: its gradient by the output is the given one.

    `torch.autograd.backward` takes such a gradient as well, but imports sympy to compare two shapes: half a second of
    processor time and 35 MB of every process that trains."""

    @staticmethod
    def forward(ctx: Any, output: Tensor, gradient: Tensor) -> Tensor:
        ctx.gradient = gradient
        return output.new_zeros(())

    @staticmethod
    def backward(ctx: Any, _: Tensor) -> tuple[Tensor, None]:
        return ctx.gradient, None


def _sum(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    return b if a is None else a if b is None else a + b
