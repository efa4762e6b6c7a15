"""Students that look as if they had been trained."""

import torch
from torch import Tensor, nn

from nettailor.network.adapters import AdaptedConvolution, SeriesAdapter
from nettailor.network.norms import TaskNorm
from nettailor.network.student import Student


def trained_looking(student: Student, seed: int = 0) -> Student:
    """Alphas and statistics away from their start values."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for alpha in student.alphas.values():
            alpha.copy_(torch.randn(alpha.shape, generator=generator))
        for name, buffer in student.proxies.named_buffers():
            if name.endswith("running_mean"):
                buffer.copy_(0.2 * torch.randn(buffer.shape, generator=generator))
    return student


@torch.no_grad()
def adapted_looking(student: Student, seed: int = 0) -> Student:
    """What is learned within the blocks, and their statistics, away from the start values."""
    generator = torch.Generator().manual_seed(seed)

    def around(tensor: Tensor, centre: float, spread: float) -> None:
        tensor.copy_(centre + spread * torch.randn(tensor.shape, generator=generator))

    for module in student.blocks.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            around(module.running_mean, 0.0, 0.2)
            module.running_var.copy_(0.5 + torch.rand(module.running_var.shape, generator=generator))
        if isinstance(module, TaskNorm):
            around(module.log_gain, 0.0, 0.3)
            around(module.offset, 0.0, 0.3)
        if isinstance(module, AdaptedConvolution):
            around(module.weight, 0.0, 0.3 / module.weight.shape[1] ** 0.5)
        if isinstance(module, SeriesAdapter):
            around(module.norm.weight, 1.0, 0.2)
            around(module.norm.bias, 0.0, 0.2)
    return student
