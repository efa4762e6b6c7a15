"""Muon, which makes all directions of a matrix's step equally long (K. Jordan et al., "Muon: An optimizer for hidden
layers in neural networks", 2024).

PyTorch's own takes one matrix after the other and rounds to bf16. A student has dozens of small ones, whose products
cost less than the calls: here those of one shape are multiplied together, in their own precision (docs/log.md).

Legend: M matrices of one shape, R rows, C columns.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

_QUINTIC = (3.4445, -4.7750, 2.0315)  # coefficients of the polynomial that brings singular values near 1
_ITERATIONS = 5


class Muon:
    """Trains parameters that are matrices once their axes from the second on are taken as one, such as the weights of
    1x1 convolutions."""

    def __init__(self, parameters: Sequence[nn.Parameter], *, momentum: float = 0.9, weight_decay: float = 0.0) -> None:
        shapes = dict.fromkeys(p.flatten(1).shape for p in parameters)
        self._groups = [[p for p in parameters if p.flatten(1).shape == shape] for shape in shapes]
        self._averages = [torch.zeros_like(_stacked(group)) for group in self._groups]  # of gradients, (M, R, C)
        self._momentum, self._weight_decay = momentum, weight_decay

    def zero_grad(self) -> None:
        for group in self._groups:
            for parameter in group:
                parameter.grad = None

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Move every matrix by a step whose spectral norm is about the rate; more if it has more rows than columns."""
        for group, average in zip(self._groups, self._averages, strict=True):
            gradients = _stacked([_gradient(parameter) for parameter in group])
            average.lerp_(gradients, 1 - self._momentum)
            steps = orthogonalised(gradients.lerp_(average, self._momentum))  # Nesterov's momentum
            length = rate * math.sqrt(max(1.0, steps.shape[1] / steps.shape[2]))
            for parameter, step in zip(group, steps, strict=True):
                parameter.mul_(1 - rate * self._weight_decay).sub_(step.view_as(parameter), alpha=length)

    def state_dict(self) -> dict[str, list[Tensor]]:
        return {"averages": self._averages}

    def load_state_dict(self, state: dict[str, list[Tensor]]) -> None:
        for average, kept in zip(self._averages, state["averages"], strict=True):
            average.copy_(kept)


def orthogonalised(matrices: Tensor) -> Tensor:
    """The nearest orthogonal matrix of each (M, R, C), roughly: their singular values come to lie around 1."""
    a, b, c = _QUINTIC
    upright = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT.contiguous() if upright else matrices
    x = x / torch.linalg.matrix_norm(x, keepdim=True).clamp_min(1e-7)
    for _ in range(_ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if upright else x


def _stacked(tensors: Sequence[Tensor]) -> Tensor:
    return torch.stack([tensor.detach().flatten(1) for tensor in tensors])


def _gradient(parameter: nn.Parameter) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
