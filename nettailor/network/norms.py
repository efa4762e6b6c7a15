"""Batch-norm in the ways training needs it beside the module's own.

Legend: N images, C channels, H W.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn
from torch.nn import functional as F


def scaled(norm: nn.Module, x: Tensor, scale: Tensor) -> Tensor:
    """scale * norm(x) for x (N, C, H, W) and a scalar, running statistics followed as by the module: the scale goes
    into C weights instead of N C H W values."""
    assert isinstance(norm, nn.BatchNorm2d)
    if norm.training and norm.num_batches_tracked is not None:
        norm.num_batches_tracked.add_(1)
    assert norm.momentum is not None
    weight, bias = norm.weight * scale, norm.bias * scale
    return F.batch_norm(x, norm.running_mean, norm.running_var, weight, bias, norm.training, norm.momentum, norm.eps)


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
