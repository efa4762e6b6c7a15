"""The training step as one would first write it: two passes through the student, as the authors' released code runs
it. What the benchmark of training compares with, and what the tests hold the fast pass to.

Legend: N images, K classes.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from nettailor.network.backbones import pooled
from nettailor.network.local_pass import LocalOutputs
from nettailor.network.student import Student


def two_passes(student: Student, images: Tensor) -> LocalOutputs:
    """One pass for the classification, then every layer again from detached inputs; images (N, 3, H, W)."""
    nodes = {0: student.stem(images)}
    for node in student.plan.nodes():
        nodes[node] = F.relu(_sum(student, node, nodes))
    detached = {node: x.detach() for node, x in nodes.items()}
    local = {node: F.relu(_sum(student, node, detached)) for node in student.plan.nodes()}
    last = student.plan.depth
    return LocalOutputs(
        logits=student.head(pooled(nodes[last])), nodes=local, local_logits=student.head(pooled(detached[last]))
    )


def _sum(student: Student, node: int, nodes: dict[int, Tensor]) -> Tensor:
    alphas, total = student.alpha(node), torch.zeros(())
    for index, source in enumerate(student.plan.inputs(node)):
        is_block = index == 0 and student.plan.keeps_block(node)
        path = student.block(node) if is_block else student.proxy(source, node)
        term = alphas[index] * path(nodes[source])
        total = total + term if index else term
    return total
