"""The training step as one would first write it: two passes through the student, as the authors' released code runs
it. What the benchmark of training compares with, and what the tests hold the fast pass to.

Legend: N images, K classes.
"""

from collections.abc import Container

import torch
from torch import Tensor
from torch.nn import functional as F

from nettailor.network.backbones import pooled
from nettailor.network.local_pass import LocalOutputs
from nettailor.network.student import Student


def two_passes(student: Student, images: Tensor, left_out: Container[int] = ()) -> LocalOutputs:
    """One pass for the classification, then every layer again from detached inputs; images (N, 3, H, W). `left_out` are
    nodes that do without their block."""
    nodes = {0: student.stem(images)}
    for node in student.plan.nodes():
        nodes[node] = F.relu(_sum(student, node, nodes, left_out))
    detached = {node: x.detach() for node, x in nodes.items()}
    local = {node: F.relu(_sum(student, node, detached, left_out)) for node in student.plan.nodes()}
    last = student.plan.depth
    return LocalOutputs(
        logits=student.head(pooled(nodes[last])), nodes=local, local_logits=student.head(pooled(detached[last]))
    )


def _sum(student: Student, node: int, nodes: dict[int, Tensor], left_out: Container[int]) -> Tensor:
    logits, total = student.alphas[str(node)], torch.zeros(())
    without = node in left_out
    alphas = [torch.zeros(()), *torch.softmax(logits[1:], 0)] if without else list(torch.softmax(logits, 0))
    for index, source in enumerate(student.plan.inputs(node)):
        is_block = index == 0 and student.plan.keeps_block(node)
        if not (is_block and without):
            path = student.block(node) if is_block else student.proxy(source, node)
            total = total + alphas[index] * path(nodes[source])
    return total
