"""Proxies by least squares: where they start, and how they replace what a pruned block did.

Gradient descent would have to learn first what a linear regression knows (docs/log.md has what it is worth).

Legend: N images, H W, C channels.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from nettailor.architecture.plan import Plan
from nettailor.network.norms import running_statistics_kept
from nettailor.network.proxies import Proxy, as_rows
from nettailor.network.student import Student
from trainer.recipe.teacher import Teacher


@torch.no_grad()
def regress_proxies(student: Student, teacher: Teacher, images: Tensor) -> None:
    """Fit every proxy by itself to the teacher's sum at its node, sources first, on images (N, 3, H, W)."""
    student.train()
    nodes = {0: student.stem(images)}
    for node, target in teacher.sums(images):
        for source in student.plan.sources(node):
            fit_jointly([student.proxy(source, node)], [1.0], [nodes[source]], target)
        if student.plan.present(node):
            nodes[node] = student.node(node, nodes)
        _forget(nodes, student.plan, node)


@torch.no_grad()
def take_over(pruned: Student, before: Student, images: Tensor) -> None:
    """Wherever a path into a node was pruned, fit the proxies left there, all together, so that the node's sum stays
    as near as it can to what it was `before`; first nodes first, on images (N, 3, H, W). `before` stays as it is: its
    accuracy was measured already, and it may be the network that is published."""
    was_training = before.training
    before.train()
    pruned.train()
    with running_statistics_kept(before):
        _fit_pruned_nodes(pruned, before, images)
    before.train(was_training)


def _fit_pruned_nodes(pruned: Student, before: Student, images: Tensor) -> None:
    stem = before.stem(images)
    wanted, nodes = {0: stem}, {0: stem}
    alike = True  # so far nothing was pruned, and both give the same
    for node in before.plan.nodes():
        target = before.sum(node, wanted)
        wanted[node] = target.relu()
        lost_paths = len(pruned.plan.inputs(node)) < len(before.plan.inputs(node))
        alike = alike and not lost_paths
        if lost_paths and pruned.plan.sources(node):
            _fit_node(pruned, node, nodes, target)
        if alike:
            nodes[node] = wanted[node]
        elif pruned.plan.present(node):
            nodes[node] = pruned.node(node, nodes)
        _forget(wanted, before.plan, node)
        _forget(nodes, pruned.plan, node)


def _fit_node(pruned: Student, node: int, nodes: Mapping[int, Tensor], target: Tensor) -> None:
    """Fit all proxies of a node so that its sum comes near the target."""
    sources, alphas = pruned.plan.sources(node), pruned.alpha(node)
    if pruned.plan.keeps_block(node):
        target = target - alphas[0] * pruned.block(node)(nodes[node - 1])
    proxies = [pruned.proxy(source, node) for source in sources]
    fit_jointly(proxies, alphas[-len(sources) :].tolist(), [nodes[p] for p in sources], target)


def _forget(nodes: dict[int, Tensor], plan: Plan, done: int) -> None:
    """Let go of what no node after the one that is `done` is computed from: of large images it takes much memory."""
    needed = {source for node in plan.nodes() if node > done for source in plan.inputs(node)}
    for node in set(nodes) - needed:
        del nodes[node]


@torch.no_grad()
def fit_jointly(
    proxies: Sequence[Proxy], alphas: Sequence[float], xs: Sequence[Tensor], target: Tensor, *, ridge: float = 1e-3
) -> None:
    """Set the last layer of each proxy so that the sum of alpha A(x) is the least-squares fit of `target`
    (N, C_l, H_l, W_l); `ridge` is relative to the inputs' mean variance."""
    inputs = [proxy.inputs(x) for proxy, x in zip(proxies, xs, strict=True)]
    rows, wanted = torch.cat(inputs, 1), as_rows(target)
    mean, wanted_mean = rows.mean(0), wanted.mean(0)
    rows = rows - mean
    covariance, product = _products(rows, rows), _products(rows, wanted - wanted_mean)
    shrunk = covariance + ridge * covariance.diagonal().mean() * torch.eye(
        len(covariance), dtype=covariance.dtype, device=covariance.device
    )
    weight = torch.linalg.solve(shrunk, product).T  # (C_l, sum of C)
    first = 0
    for proxy, alpha, own in zip(proxies, alphas, inputs, strict=True):
        part = slice(first, first + own.shape[1])
        first = part.stop
        proxy.assign(
            weight[:, part] / alpha,
            wanted_mean / sum(alphas),
            mean=mean[part].double(),
            covariance=covariance[part, part],
        )


def _products(a: Tensor, b: Tensor) -> Tensor:
    """The mean of the rows' products, in float64; multiplied in float32, even where autocast would round to bf16."""
    with torch.autocast(a.device.type, enabled=False):
        return (a.T @ b).double() / len(a)
