"""Training losses (eq. 11-12).

The teacher term follows the authors' released code: the mean, not the sum, of per-layer mean squared errors, each
layer local (its inputs detached, see `Student.forward_locally`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from nettailor.student import LocalOutputs


@dataclass(frozen=True, kw_only=True)
class Losses:
    """The three terms of eq. 12, unweighted, and their weighted total; scalars with gradient."""

    total: Tensor
    classification: Tensor
    complexity: Tensor
    teacher: Tensor


def teacher_loss(outputs: LocalOutputs, teacher_nodes: Mapping[int, Tensor], teacher_logits: Tensor) -> Tensor:
    """Eq. 11: mean squared error of each present node and of the logits to the teacher's, averaged over these."""
    terms = [F.mse_loss(x.float(), teacher_nodes[node].float()) for node, x in outputs.nodes.items()]
    terms.append(F.mse_loss(outputs.local_logits.float(), teacher_logits.float()))
    return torch.stack(terms).mean()


def total_loss(*, classification: Tensor, complexity: Tensor, teacher: Tensor, gamma1: float, gamma2: float) -> Losses:
    """Eq. 12: classification + gamma1 E[C] + gamma2 teacher."""
    total = classification + gamma1 * complexity + gamma2 * teacher
    return Losses(total=total, classification=classification, complexity=complexity, teacher=teacher)
