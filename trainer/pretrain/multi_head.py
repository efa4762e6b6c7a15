"""A backbone with a head for each image set, and its loss.

Legend: N images, H W pixels.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nettailor.network.backbones import Backbone


class MultiHead(nn.Module):
    """One linear head a set; the heads stand side by side in one matrix."""

    def __init__(self, backbone: Backbone, classes: list[int]) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(backbone.channels[-1], sum(classes))
        # (sum of classes,) the set each logit belongs to; no buffer, or the moving average would blur it
        self.owner = torch.repeat_interleave(torch.arange(len(classes)), torch.tensor(classes))

    def forward(self, images: Tensor, sets: Tensor) -> Tensor:
        """Logits (N, sum of classes); minus infinity outside the set of each image (`sets`, (N,))."""
        logits: Tensor = self.head(self.backbone(images)).float()
        return logits.masked_fill(self.owner[None, :] != sets[:, None], -math.inf)

    @torch.no_grad()
    def head_of(self, first: int, classes: int) -> nn.Linear:
        """A copy of the rows of one set."""
        head = nn.Linear(self.head.in_features, classes)
        head.weight.copy_(self.head.weight[first : first + classes])
        head.bias.copy_(self.head.bias[first : first + classes])
        return head


def smoothed_cross_entropy(logits: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    """Cross entropy with label smoothing over the finite logits of each row only."""
    log_p = F.log_softmax(logits, dim=1)
    finite = torch.isfinite(logits)
    uniform = log_p.masked_fill(~finite, 0).sum(1) / finite.sum(1)
    picked = log_p.gather(1, targets[:, None])[:, 0]
    return -((1 - smoothing) * picked + smoothing * uniform).mean()
