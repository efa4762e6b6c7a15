"""Batch-norm in the ways training needs it beside the module's own.

Legend: N images, C channels, H W.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class TaskNorm(nn.BatchNorm2d):
    """A frozen batch-norm whose statistics belong to a task and are *learned* beyond what its images give.

    y = weight (exp(log_gain) (x - mean) / deviation + offset) + bias: that is the frozen layer itself with other
    statistics, `folded_statistics`, so that a task stores nothing more than it does without. Both are (C,), 0 at first.
    """

    def __init__(self, norm: nn.BatchNorm2d) -> None:
        super().__init__(norm.num_features, norm.eps, norm.momentum)
        self.load_state_dict(norm.state_dict())
        self.weight, self.bias = norm.weight, norm.bias  # the backbone's own
        self.log_gain = nn.Parameter(torch.zeros_like(norm.weight))
        self.offset = nn.Parameter(torch.zeros_like(norm.bias))

    def adjusted(self) -> tuple[Tensor, Tensor]:
        """What multiplies the normalised values and what is added then."""
        return self.weight * self.log_gain.exp(), self.bias + self.weight * self.offset

    def forward(self, x: Tensor) -> Tensor:
        return _normalised(self, x, *self.adjusted())

    @torch.no_grad()
    def folded_statistics(self) -> tuple[Tensor, Tensor]:
        """Mean and variance with which the frozen layer gives the same."""
        assert self.running_mean is not None
        assert self.running_var is not None
        deviation = (self.running_var + self.eps).sqrt() * (-self.log_gain).exp()
        return self.running_mean - self.offset * deviation, (deviation.square() - self.eps).clamp_min(0)

    @torch.no_grad()
    def unfold(self, mean: Tensor, var: Tensor) -> None:
        """Take these statistics, and a gain and an offset with which it gives what it gave before: what it has learned
        lasts then where training takes the statistics of a batch."""
        folded_mean, folded_var = self.folded_statistics()
        deviation, folded = (var + self.eps).sqrt(), (folded_var + self.eps).sqrt()
        self.log_gain.copy_((deviation / folded).log())
        self.offset.copy_((mean - folded_mean) / folded)
        self.running_mean, self.running_var = mean.clone(), var.clone()


def affine(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """What multiplies the normalised values and what is added then, (C,) each."""
    return norm.adjusted() if isinstance(norm, TaskNorm) else (norm.weight, norm.bias)


def statistics_of(norm: nn.BatchNorm2d) -> tuple[Tensor | None, Tensor | None]:
    """Mean and variance (C,) as a bundle holds them."""
    return norm.folded_statistics() if isinstance(norm, TaskNorm) else (norm.running_mean, norm.running_var)


def scaled(norm: nn.Module, x: Tensor, scale: Tensor) -> Tensor:
    """scale * norm(x) for x (N, C, H, W) and a scalar, running statistics followed as by the module: the scale goes
    into C weights instead of N C H W values."""
    assert isinstance(norm, nn.BatchNorm2d)
    weight, bias = affine(norm)
    return _normalised(norm, x, weight * scale, bias * scale)


def _normalised(norm: nn.BatchNorm2d, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """norm(x) with another weight and bias."""
    follows = norm.training and norm.track_running_stats
    if follows and norm.num_batches_tracked is not None:
        norm.num_batches_tracked.add_(1)
    assert norm.momentum is not None
    kept = norm.training and not norm.track_running_stats
    mean, var = (None, None) if kept else (norm.running_mean, norm.running_var)
    return F.batch_norm(x, mean, var, weight, bias, norm.training, norm.momentum, norm.eps)


@torch.no_grad()
def unfold_statistics(model: nn.Module, batches: Iterable[Tensor]) -> None:
    """`TaskNorm.unfold` throughout a model in eval mode, with the statistics of what its layers get of the batches."""
    sums = {norm: torch.zeros(3, norm.num_features).double() for norm in model.modules() if isinstance(norm, TaskNorm)}

    def add(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(norm, TaskNorm)
        rows = inputs[0].movedim(1, -1).flatten(0, -2).double()
        sums[norm] += torch.stack([torch.full_like(rows[0], len(rows)), rows.sum(0), rows.square().sum(0)]).cpu()

    hooks = [norm.register_forward_pre_hook(add) for norm in sums]
    for images in batches if sums else ():
        model(images)
    for hook in hooks:
        hook.remove()
    for norm, (count, total, squares) in sums.items():
        mean = total / count
        norm.unfold(mean.to(norm.weight), (squares / count - mean.square()).clamp_min(0).to(norm.weight))


def by_batch(norm: nn.Module, x: Tensor) -> Tensor:
    """norm(x) by the statistics of this batch, leaving the running ones as they are."""
    assert isinstance(norm, nn.BatchNorm2d)
    return F.batch_norm(x, None, None, norm.weight, norm.bias, training=True, eps=norm.eps)


@contextmanager
def running_statistics_kept(module: nn.Module) -> Iterator[None]:
    """While this lasts, batch-norm layers in training mode use their batch's statistics and do not move their own."""
    norms = [m for m in module.modules() if isinstance(m, nn.BatchNorm2d) and m.track_running_stats]
    try:
        for norm in norms:
            norm.track_running_stats = False
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True
