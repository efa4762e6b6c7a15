"""Students that look as if they had been trained."""

import torch

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
