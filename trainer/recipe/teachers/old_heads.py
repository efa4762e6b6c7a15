"""Learning without forgetting (Li and Hoiem 2016): a network that learns a task and goes on answering for what it was
trained for as it did before.

Legend: N images, C features, K classes.
"""

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nettailor.network.backbones import Backbone
from trainer.recipe.teacher import Teacher

_TEMPERATURE = 2.0


class RememberingTeacher(Teacher):
    """A teacher with the backbone's old heads, which are trained along."""

    def __init__(self, backbone: Backbone, classes: int, head: nn.Linear | None = None) -> None:
        super().__init__(backbone, classes, head)
        self.old_heads = nn.ModuleList(copy.deepcopy(old).requires_grad_(True) for old in backbone.old_heads)

    def answers(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logits (N, K) for the task, and of every old head."""
        features = self.backbone(images)
        return self.head(features), [old(features) for old in self.old_heads]


class Memory(nn.Module):
    """What the backbone as it was says of images, without gradient."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = copy.deepcopy(backbone).eval().requires_grad_(False)
        self.old_heads = nn.ModuleList(copy.deepcopy(old) for old in backbone.old_heads)

    @torch.no_grad()
    def forward(self, images: Tensor) -> list[Tensor]:
        features = self.backbone(images)
        return [old(features) for old in self.old_heads]


def forgetting(answers: list[Tensor], remembered: list[Tensor]) -> Tensor:
    """The sum over the old heads of the divergence from what they said, softened by the temperature."""
    return torch.stack(list(_divergences(answers, remembered))).sum()


def _divergences(answers: list[Tensor], remembered: list[Tensor]) -> Iterator[Tensor]:
    for answer, known in zip(answers, remembered, strict=True):
        now, before = (F.log_softmax(logits.float() / _TEMPERATURE, 1) for logits in (answer, known))
        yield F.kl_div(now, before, reduction="batchmean", log_target=True)
