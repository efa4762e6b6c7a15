"""Terms of the training loss (eq. 11-12).

The teacher term follows the authors' released code: the mean, not the sum, of per-layer mean squared errors, each
layer local (its inputs detached, see `local_pass`).
"""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from nettailor.network.local_pass import LocalOutputs


def teacher_loss(outputs: LocalOutputs, teacher_nodes: Mapping[int, Tensor], teacher_logits: Tensor) -> Tensor:
    """Eq. 11: mean squared error of each present node and of the logits to the teacher's, averaged over these."""
    terms = [_mean_square(x - teacher_nodes[node]) for node, x in outputs.nodes.items()]
    terms.append(_mean_square(outputs.local_logits - teacher_logits))
    return torch.stack(terms).mean()


def distillation_loss(outputs: LocalOutputs, teacher_logits: Tensor) -> Tensor:
    """Mean squared error of the logits with gradient to the whole student, not to the classifier alone.

    Not in the paper; docs/log.md has what it is worth.
    """
    return F.mse_loss(outputs.logits.float(), teacher_logits.float())


def _mean_square(difference: Tensor) -> Tensor:
    """Summed up in float32 (or more) without a copy in it: under autocast copies cost a tenth of a training step."""
    norm: Tensor = torch.linalg.vector_norm(difference, dtype=torch.promote_types(difference.dtype, torch.float32))
    return norm.square() / difference.numel()
