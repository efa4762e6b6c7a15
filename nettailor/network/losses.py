"""Terms of the training loss (eq. 11-12).

Eq. 11 comes in three forms, by name. "logits" is the logits' distance to the teacher's alone, through the whole
student. In the other two a block's distance to the teacher trains its own node: the node's inputs are detached, as in
the authors' released code. They differ in the logits' distance. In "paper" its gradient reaches the whole student, as
in the paper and in the released code; in "local" it reaches the classifier alone, and `distillation_loss` is there for
the rest.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from nettailor.network.local_pass import LocalOutputs

Loss = Literal["logits", "local", "paper"]
TeacherLoss = Callable[[LocalOutputs, Mapping[int, Tensor], Tensor], Tensor]


def local_teacher_loss(outputs: LocalOutputs, teacher_nodes: Mapping[int, Tensor], teacher_logits: Tensor) -> Tensor:
    """Mean squared error of each present node and of the logits to the teacher's, averaged over these; every term
    trains one layer."""
    terms = _node_distances(outputs, teacher_nodes)
    terms.append(mean_square(outputs.local_logits, teacher_logits))
    return torch.stack(terms).mean()


def paper_teacher_loss(outputs: LocalOutputs, teacher_nodes: Mapping[int, Tensor], teacher_logits: Tensor) -> Tensor:
    """Eq. 11: the same errors, that of the logits with gradient to the whole student; their sum divided by the number
    of nodes, absent ones included."""
    terms = _node_distances(outputs, teacher_nodes)
    terms.append(mean_square(outputs.logits, teacher_logits))
    return torch.stack(terms).sum() / max(teacher_nodes)


def distillation_loss(outputs: LocalOutputs, teacher_logits: Tensor) -> Tensor:
    """Mean squared error of the logits with gradient to the whole student, not to the classifier alone.

    The paper has it within eq. 11; beside the "local" form it has a weight of its own (docs/log.md).
    """
    return F.mse_loss(outputs.logits.float(), teacher_logits.float())


def logits_teacher_loss(outputs: LocalOutputs, teacher_nodes: Mapping[int, Tensor], teacher_logits: Tensor) -> Tensor:
    """`distillation_loss`; the nodes have no part in it."""
    return distillation_loss(outputs, teacher_logits)


TEACHER_LOSSES: Mapping[Loss, TeacherLoss] = {
    "logits": logits_teacher_loss,
    "local": local_teacher_loss,
    "paper": paper_teacher_loss,
}


def compares_nodes(loss: Loss) -> bool:
    """Whether this form of eq. 11 wants the teacher's nodes."""
    return loss != "logits"


def _node_distances(outputs: LocalOutputs, teacher_nodes: Mapping[int, Tensor]) -> list[Tensor]:
    return [mean_square(x, teacher_nodes[node]) for node, x in outputs.nodes.items()]


def mean_square(x: Tensor, target: Tensor) -> Tensor:
    """The mean of (x - target)^2 for x (N, ...) and a target without gradient, a scalar of float32 or more."""
    distance: Tensor = _MeanSquare.apply(x, target)  # type: ignore[no-untyped-call]  # PyTorch has not typed it
    return distance


class _MeanSquare(torch.autograd.Function):
    """The gradient is the difference times a number. The norm's own goes over memory twice more, for differences of 0.

    Each image's norm is summed up in float32 inside, and rounded as the difference is. A norm with another dtype would
    on CPU be of a copy: all copies to float32 took a tenth of a step."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, target: Tensor) -> Tensor:
        difference = x - target
        ctx.save_for_backward(difference)
        norms = torch.linalg.vector_norm(difference, dim=tuple(range(1, difference.ndim)))
        total = norms.to(torch.promote_types(norms.dtype, torch.float32)).square().sum()
        mean: Tensor = total / difference.numel()
        return mean

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (difference,) = ctx.saved_tensors
        return difference * (2 / difference.numel() * gradient), None
