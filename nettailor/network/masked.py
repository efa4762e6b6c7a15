"""Piggyback: the backbone's own weights, each kept or left out for the task (Mallya et al. 2018).

Legend: N images, C channels, H W; W a frozen weight (C_out, C_in, k, k), r the scores that its mask is learned by.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from nettailor.architecture.plan import Plan, full_plan
from nettailor.bundle.tensors.masks import MASKS, packed_mask, unpacked_mask
from nettailor.network.adapters import with_weights
from nettailor.network.backbones import Backbone
from nettailor.network.student import Student

START, THRESHOLD = 1e-2, 5e-3  # of the scores: every weight is kept at first; one whose score is the threshold is not


class _Kept(torch.autograd.Function):
    """m = [r > threshold]; the gradient of r is that of m (straight-through)."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor) -> Tensor:
        return (scores > THRESHOLD).to(scores)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0]


class MaskedConvolution(nn.Module):
    """(m W) x, W the frozen convolution's."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.conv = conv
        self.scores = nn.Parameter(torch.full_like(conv.weight, START))

    @property
    def weight(self) -> Tensor:
        kept: Tensor = _Kept.apply(self.scores)  # type: ignore[no-untyped-call]  # torch's own lacks annotations
        return self.conv.weight * kept

    def forward(self, x: Tensor) -> Tensor:  # (N, C_in, H, W) -> (N, C_out, H / stride, W / stride)
        return F.conv2d(x, self.weight, None, self.conv.stride, self.conv.padding)

    def merged(self) -> nn.Conv2d:
        """A convolution of the weights that are kept."""
        return with_weights(self.conv, self.weight.detach())

    def mask(self) -> NDArray[np.uint8]:
        """As a bundle holds it."""
        return packed_mask((self.scores > THRESHOLD).cpu().numpy())

    @torch.no_grad()
    def load(self, mask: NDArray[np.uint8]) -> None:
        """Scores that give this mask."""
        kept = torch.from_numpy(unpacked_mask(mask, tuple(self.scores.shape)))
        self.scores.copy_(kept.to(self.scores) * START)


class MaskedStudent(Student):
    """Every block with masks on its convolutions, and no other path. Stem and weights are the backbone's, batch-norm
    statistics, learned where it `adapts`, the task's own."""

    def __init__(self, backbone: Backbone, *, classes: int, adapts: bool = False) -> None:
        plan = full_plan(backbone.depth, 0)
        super().__init__(backbone, plan=plan, classes=classes, statistics="task", adapts=adapts)
        for parent in list(self.blocks.modules()):
            for name, module in list(parent.named_children()):
                if isinstance(module, nn.Conv2d):
                    setattr(parent, name, MaskedConvolution(module))

    def pruned(self, plan: Plan, backbone: Backbone) -> "MaskedStudent":
        """A copy: there is nothing to prune."""
        assert plan == self.plan
        copied = MaskedStudent(backbone, classes=self.head.out_features, adapts=self.adapts)
        copied.load_state_dict(self.state_dict())
        copied.train(self.training)
        return copied

    def bundle_tensors(self) -> dict[str, NDArray[Any]]:
        """The tensors of this network's bundle (docs/bundle-format.md): masks are uint8."""
        return super().bundle_tensors() | {f"{MASKS}{name}": conv.mask() for name, conv in self._masked()}

    @torch.no_grad()
    def load_adapters(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        """Take over the masks in the tensors of a bundle."""
        for name, conv in self._masked():
            conv.load(tensors[f"{MASKS}{name}"])

    def _masked(self) -> Iterator[tuple[str, MaskedConvolution]]:
        """By "<node>.<convolution>"."""
        for name, module in self.blocks.named_modules():
            if isinstance(module, MaskedConvolution):
                yield name, module
