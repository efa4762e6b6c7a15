"""What turns gradients into steps: SGD, or for students Muon for the matrices of proxies and adapters and Adam for the
rest.

A proxy is a single matrix, whose gradient has few long directions; Muon makes all of them equally long (docs/log.md has
what it is worth).
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from trainer.training.optimizers.muon import Muon
from trainer.training.optimizers.uncompiled import SGD, Adam
from trainer.training.schedule import Schedule


class Optimizer:
    """Follows a schedule over all parameters of a model that want a gradient."""

    def __init__(self, model: nn.Module, schedule: Schedule) -> None:
        trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self._schedule = schedule
        matrices = _matrices(trained) if schedule.matrix_lr is not None else {}
        self._of_the_rest = _of_the_rest({n: p for n, p in trained.items() if n not in matrices}, schedule)
        self._of_the_matrices = Muon(list(matrices.values()), weight_decay=schedule.weight_decay)

    def zero_grad(self) -> None:
        self._of_the_rest.zero_grad()
        self._of_the_matrices.zero_grad()

    def step(self, progress: float) -> None:
        """At a progress of 0..1 of all steps."""
        factor = self._schedule.factor(progress)
        for group in self._of_the_rest.param_groups:
            group["lr"] = group["peak"] * factor
        self._of_the_rest.step()
        self._of_the_matrices.step((self._schedule.matrix_lr or 0.0) * factor)

    def state_dict(self) -> dict[str, Any]:
        return {"rest": self._of_the_rest.state_dict(), "matrices": self._of_the_matrices.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._of_the_rest.load_state_dict(state["rest"])
        self._of_the_matrices.load_state_dict(state["matrices"])


def _matrices(trained: dict[str, nn.Parameter]) -> dict[str, nn.Parameter]:
    return {name: p for name, p in trained.items() if name.startswith(("proxies.", "blocks.")) and _is_matrix(name, p)}


def _is_matrix(name: str, parameter: nn.Parameter) -> bool:
    return parameter.ndim == 4 and _kind(name) == "weights"


def _of_the_rest(trained: dict[str, nn.Parameter], schedule: Schedule) -> torch.optim.Optimizer:
    groups = list(_groups(trained, schedule))
    if schedule.matrix_lr is None:
        return SGD(groups, lr=schedule.lr, momentum=0.9, nesterov=True)
    return Adam(groups, lr=schedule.lr, betas=(0.9, 0.99), fused=True)


def _groups(trained: dict[str, nn.Parameter], schedule: Schedule) -> Iterator[dict[str, Any]]:
    """Weights with weight decay; alphas and the scores of masks without it, which would draw to no mask at all; all but
    the weights at rates of their own."""
    decay = schedule.weight_decay
    kinds = {
        "weights": (schedule.lr, decay),
        "alphas": (schedule.lr * schedule.alpha_lr, 0.0),
        "statistics": (schedule.lr * schedule.statistics_lr, decay),
        "scores": (schedule.matrix_lr or schedule.lr, 0.0),
    }
    for kind, (peak, weight_decay) in kinds.items():
        parameters: list[Tensor] = [p for name, p in trained.items() if _kind(name) == kind]
        if parameters:
            yield {"params": parameters, "peak": peak, "weight_decay": weight_decay}


def _kind(name: str) -> str:
    if name.startswith("alphas."):
        return "alphas"
    if name.endswith(".scores"):
        return "scores"
    return "statistics" if name.endswith((".log_gain", ".offset")) else "weights"
