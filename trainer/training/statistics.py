"""Batch-norm statistics of a trained network, estimated anew.

Legend: N images, C channels, H W.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


@torch.no_grad()
def reestimate_statistics(model: nn.Module, batches: Iterable[Tensor]) -> None:
    """Give the layers whose statistics training moves those of these images (N, C, H, W), and end in eval mode.

    They are averages over the images. A batch of one image, which has no variance, is passed over.
    """
    model.train()
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d) and m.training]
    if not norms:
        batches = ()
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
    seen = 0
    for images in batches:
        if len(images) > 1:
            seen += len(images)
            for norm in norms:
                norm.momentum = len(images) / seen  # the average over images: the last batch may be a small one
            model(images)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.eval()
