"""Where proxies start: each at the least-squares fit of its node from its source.

Random proxies would have to learn first what a linear regression knows (docs/log.md has what it is worth).
"""

import torch
from torch import Tensor

from nettailor.student import Student
from trainer.teacher import Teacher


@torch.no_grad()
def regress_proxies(student: Student, teacher: Teacher, images: Tensor) -> None:
    """Fit every proxy to the teacher's sum at its node, sources first, on images (N, 3, H, W)."""
    sums = teacher.sums(images)
    student.train()
    nodes = {0: student.stem(images)}
    for node in student.plan.nodes():
        for source in student.plan.sources(node):
            student.proxy(source, node).regress(nodes[source], sums[node])
        nodes[node] = student.node(node, nodes)
