"""What turns gradients into steps: SGD, or for students Muon for the matrices of the proxies and Adam for the rest.

Muon makes all directions of a matrix's step equally long (K. Jordan et al., "Muon: An optimizer for hidden layers in
neural networks", 2024); a proxy is a single matrix, whose gradient has few long directions (docs/log.md has what it is
worth).
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from trainer.training.schedule import Schedule


class Optimizer:
    """Follows a schedule over all parameters of a model that want a gradient."""

    def __init__(self, model: nn.Module, schedule: Schedule) -> None:
        trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self._schedule = schedule
        self._matrices = _matrices(trained) if schedule.matrix_lr is not None else {}
        rest = {name: p for name, p in trained.items() if name not in self._matrices}
        self._optimizers: list[torch.optim.Optimizer] = [_of_the_rest(rest, schedule)]
        # Muon takes matrices alone; these are the weights of 1x1 convolutions, seen as such.
        self._flat = [nn.Parameter(p.detach().flatten(1)) for p in self._matrices.values()]
        if schedule.matrix_lr is not None and self._flat:
            groups = [{"params": self._flat, "peak": schedule.matrix_lr}]
            decay = schedule.weight_decay
            self._optimizers.append(torch.optim.Muon(groups, lr=schedule.matrix_lr, weight_decay=decay, momentum=0.9))

    def zero_grad(self) -> None:
        self._optimizers[0].zero_grad()
        for parameter in self._matrices.values():
            parameter.grad = None

    def step(self, progress: float) -> None:
        """At a progress of 0..1 of all steps."""
        for flat, parameter in zip(self._flat, self._matrices.values(), strict=True):
            flat.grad = None if parameter.grad is None else parameter.grad.flatten(1)
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * self._schedule.factor(progress)
            optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        return {str(index): optimizer.state_dict() for index, optimizer in enumerate(self._optimizers)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for index, optimizer in enumerate(self._optimizers):
            optimizer.load_state_dict(state[str(index)])


def _matrices(trained: dict[str, nn.Parameter]) -> dict[str, nn.Parameter]:
    return {name: p for name, p in trained.items() if name.startswith("proxies.") and p.ndim == 4}


def _of_the_rest(trained: dict[str, nn.Parameter], schedule: Schedule) -> torch.optim.Optimizer:
    groups = list(_groups(trained, schedule))
    if schedule.matrix_lr is None:
        return torch.optim.SGD(groups, lr=schedule.lr, momentum=0.9, nesterov=True)
    return torch.optim.Adam(groups, lr=schedule.lr, betas=(0.9, 0.99))


def _groups(trained: dict[str, nn.Parameter], schedule: Schedule) -> Iterator[dict[str, Any]]:
    """Weights with weight decay; alphas without it; alphas and adapted statistics at rates of their own."""
    decay = schedule.weight_decay
    kinds = {
        "weights": (schedule.lr, decay),
        "alphas": (schedule.lr * schedule.alpha_lr, 0.0),
        "statistics": (schedule.lr * schedule.statistics_lr, decay),
    }
    for kind, (peak, weight_decay) in kinds.items():
        parameters: list[Tensor] = [p for name, p in trained.items() if _kind(name) == kind]
        if parameters:
            yield {"params": parameters, "peak": peak, "weight_decay": weight_decay}


def _kind(name: str) -> str:
    if name.startswith("alphas."):
        return "alphas"
    return "statistics" if name.endswith((".log_gain", ".offset")) else "weights"
