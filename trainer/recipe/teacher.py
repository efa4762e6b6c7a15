"""The teacher: the whole backbone fine-tuned to the task, and the targets it gives the student.

Legend: N images, C channels, H W, K classes.
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nettailor.network.backbones import Backbone, pooled
from nettailor.network.folding import folded


@dataclass(frozen=True, kw_only=True)
class Targets:
    """A teacher's outputs for a batch, without gradient: `nodes[l]` (N, C_l, H_l, W_l), none where no loss compares
    them; `logits` (N, K)."""

    nodes: Mapping[int, Tensor]
    logits: Tensor


class Teacher(nn.Module):
    """A trainable copy of the backbone (stem included) with a linear classifier. That starts as `head`, or at
    random."""

    def __init__(self, backbone: Backbone, classes: int, head: nn.Linear | None = None) -> None:
        super().__init__()
        self.backbone = copy.deepcopy(backbone).requires_grad_(True)
        self.head = nn.Linear(backbone.channels[-1], classes)
        if head is not None:
            self.head.load_state_dict(head.state_dict())

    def forward(self, images: Tensor) -> Tensor:  # (N, 3, H, W) -> (N, K)
        logits: Tensor = self.head(self.backbone(images))
        return logits

    def guide(self, dtype: torch.dtype) -> "Teacher":
        """A copy that only gives targets: in inference form, computing in `dtype`."""
        copied: Teacher = copy.deepcopy(self, memo={id(self.backbone): folded(self.backbone)})
        return copied.eval().requires_grad_(False).to(dtype)

    @torch.no_grad()
    def targets(self, images: Tensor, *, nodes_wanted: bool = True) -> Targets:
        """Outputs of node 1 ... L, if they are wanted, and the logits, in eval mode."""
        assert not self.training
        images = images.to(self.head.weight.dtype)
        if not nodes_wanted:
            return Targets(nodes={}, logits=self(images))
        nodes = self.backbone.features(images)
        return Targets(nodes=dict(enumerate(nodes[1:], start=1)), logits=self.head(pooled(nodes[-1])))

    @torch.no_grad()
    def sums(self, images: Tensor) -> Iterator[tuple[int, Tensor]]:
        """Node 1 ... L with its G_l before the ReLU, (N, C_l, H_l, W_l), in eval mode; one at a time."""
        assert not self.training
        x = self.backbone.stem(images)
        for node, block in enumerate(self.backbone.blocks, start=1):
            x = block(x)
            yield node, x
            x = F.relu(x)
