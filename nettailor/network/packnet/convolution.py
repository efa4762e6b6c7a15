"""A convolution some of whose weights belong to a task.

Legend: N images, C channels, H W.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nettailor.network.adapters import with_weights


class PackedConvolution(nn.Module):
    """What is there before the task, 0 where weights are free, and in place of those that the task owns its own.

    Its values for the others have no part in the result, so that nothing an optimizer does to them changes it.
    """

    before: Tensor  # (C_out, C_in, k, k), of the backbone and of the tasks before this one
    free: Tensor  # bool, which of them nobody owns
    owned: Tensor  # bool, which of these are the task's

    def __init__(self, conv: nn.Conv2d, before: Tensor, free: Tensor) -> None:
        super().__init__()
        self.conv = conv
        self.own = nn.Parameter(torch.zeros_like(conv.weight))
        self.register_buffer("before", before, persistent=False)
        self.register_buffer("free", free, persistent=False)
        self.register_buffer("owned", torch.zeros_like(free))

    @property
    def weight(self) -> Tensor:
        return torch.where(self.owned, self.own, self.before)

    def forward(self, x: Tensor) -> Tensor:  # (N, C_in, H, W) -> (N, C_out, H / stride, W / stride)
        return F.conv2d(x, self.weight, None, self.conv.stride, self.conv.padding)

    def merged(self) -> nn.Conv2d:
        """A convolution of all these weights."""
        return with_weights(self.conv, self.weight.detach())

    @torch.no_grad()
    def take(self) -> None:
        """All that are free belong to the task from now on, 0 at first."""
        self.owned.copy_(self.free)
        self.own.zero_()

    @torch.no_grad()
    def prune(self, share: float) -> None:
        """Keep that share of what is free, the largest magnitudes; give the rest back."""
        keep = round(share * int(self.free.sum()))
        magnitudes = torch.where(self.owned, self.own.abs(), -1.0).flatten()
        self.owned.logical_and_(_largest(magnitudes, keep).view(self.own.shape))
        self.own.mul_(self.owned)


def _largest(values: Tensor, count: int) -> Tensor:
    """Which of the values (n,) are the largest, bool (n,); of equal ones the first. Nothing is sorted: a network has
    tens of millions."""
    if count == 0:
        return torch.zeros_like(values, dtype=torch.bool)
    least = values.kthvalue(len(values) - count + 1).values
    chosen = values > least
    equal = (values == least).nonzero().flatten()
    chosen[equal[: count - int(chosen.sum())]] = True
    return chosen
