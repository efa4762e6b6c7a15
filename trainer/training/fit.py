"""One seeded, resumable run of SGD: the loop that teacher, student and retraining share.

A run that is broken off and started again from its checkpoint ends with the same bits as one that was not: batches
are drawn from a generator seeded by run and epoch, and a checkpoint holds model, optimizer and history.
"""

import hashlib
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from trainer.errors import TrainingDiverged
from trainer.training.distributed import ProcessGroup

T = TypeVar("T")

Batches = Callable[[torch.Generator], Iterable[tuple[Tensor, Tensor, float]]]


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """SGD with Nesterov momentum 0.9 over one cycle: linear warm-up, then a half cosine to zero.

    A small dataset takes more than `epochs`, a large one fewer, so that the steps lie within the two bounds.
    """

    epochs: int
    min_steps: int = 0
    max_steps: int = 1_000_000
    lr: float  # peak
    batch_size: int = 32  # images a step
    weight_decay: float = 5e-4
    warmup: float = 0.1  # share of the steps
    clip: float | None = None  # largest norm of the whole gradient
    alpha_lr: float = 1.0  # factor on the learning rate of alphas, which have no weight decay

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.lr <= 0 or self.batch_size < 1 or not 0 <= self.warmup < 1:
            raise ValueError(f"unusable schedule {self}")

    def fitted(self, images: int) -> "Schedule":
        """The schedule with the epochs that a training split of so many images takes (3 at least)."""
        steps = max(1, images // self.batch_size)
        epochs = min(max(self.epochs, -(-self.min_steps // steps)), max(3, self.max_steps // steps))
        return replace(self, epochs=epochs)

    def factor(self, progress: float) -> float:
        """Share of the peak learning rate at `progress` 0..1 of all steps."""
        if progress < self.warmup:
            return 0.05 + 0.95 * progress / self.warmup
        return 0.5 * (1 + math.cos(math.pi * (progress - self.warmup) / (1 - self.warmup)))


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """What one epoch gave: mean losses by name, `accuracy` on the validation split (0..1) if it was measured."""

    number: int  # from 1
    losses: Mapping[str, float]
    accuracy: float | None
    seconds: float
    waited: float = 0.0  # seconds of these in which no batch was ready


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """What distinguishes one fit from another.

    `batches` gives an epoch's inputs, labels, and the share of each batch that is this process's; `step` adds the
    gradients of a batch to the model's and returns its named losses, at a progress of 0..1 of all steps; `validate`,
    if given, is called after epochs for the accuracy; `steps` is the number of batches of an epoch.
    """

    name: str
    seed: int
    schedule: Schedule
    steps: int
    batches: Batches
    step: Callable[[Tensor, Tensor, float], Mapping[str, Tensor]]
    checkpoint: Path
    on_epoch: Callable[[Epoch], None] = lambda epoch: None
    validate: Callable[[], float] | None = None
    validate_every: int = 1  # epochs; the last is always validated


def fit(model: nn.Module, run: TrainingRun) -> list[Epoch]:
    """Train `model` in place, or bring it to the end of an earlier run with this checkpoint.

    Returns the history of its epochs. Raises `TrainingDiverged`.
    """
    group = ProcessGroup.current()
    optimizer = torch.optim.SGD(_groups(model, run.schedule), lr=run.schedule.lr, momentum=0.9, nesterov=True)
    history = _restore(model, optimizer, run.checkpoint)
    group.wait()  # all have looked for a checkpoint before the first one writes one
    for number in range(len(history) + 1, run.schedule.epochs + 1):
        epoch = _train_epoch(model, optimizer, run, number, group)
        history.append(epoch)
        if group.leads:
            _save(model, optimizer, history, run.checkpoint)
        run.on_epoch(epoch)
    return history


def _train_epoch(
    model: nn.Module, optimizer: torch.optim.SGD, run: TrainingRun, number: int, group: ProcessGroup
) -> Epoch:
    watch = _Watch()
    model.train()
    sums: dict[str, float] = {}
    count = 0
    for count, (images, labels, share) in enumerate(watch.waiting(run.batches(_generator(run, number))), start=1):
        progress = (number - 1 + min(1.0, (count - 1) / run.steps)) / run.schedule.epochs
        for parameters in optimizer.param_groups:
            parameters["lr"] = parameters["peak"] * run.schedule.factor(progress)
        optimizer.zero_grad()
        losses = run.step(images, labels, progress)
        group.sum_gradients(model.parameters(), share)
        if run.schedule.clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), run.schedule.clip)
        optimizer.step()
        for name, value in losses.items():
            sums[name] = sums.get(name, 0.0) + float(value.detach())
    group.average_statistics(model)
    means = {name: group.mean(total / max(count, 1)) for name, total in sums.items()}
    if not all(map(math.isfinite, means.values())):
        raise TrainingDiverged(run.name, number)
    wanted = number == run.schedule.epochs or number % run.validate_every == 0
    accuracy = run.validate() if run.validate and wanted else None
    return Epoch(number=number, losses=means, accuracy=accuracy, seconds=watch.seconds(), waited=watch.waited)


class _Watch:
    """Time since it was made, and how much of it went into waiting for batches."""

    def __init__(self) -> None:
        self.waited = 0.0
        self._started = time.monotonic()

    def seconds(self) -> float:
        return time.monotonic() - self._started

    def waiting(self, batches: Iterable[T]) -> Iterator[T]:
        iterator = iter(batches)
        while True:
            began = time.monotonic()
            try:
                batch = next(iterator)
            except StopIteration:
                return
            finally:
                self.waited += time.monotonic() - began
            yield batch


def _generator(run: TrainingRun, epoch: int) -> torch.Generator:
    key = hashlib.sha256(f"{run.seed}/{run.name}/{epoch}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(key[:7], "big"))


def _groups(model: nn.Module, schedule: Schedule) -> list[dict[str, Any]]:
    """Weights with weight decay; alphas without it and at their own rate."""
    alphas = [p for n, p in model.named_parameters() if p.requires_grad and n.startswith("alphas.")]
    rest = [p for n, p in model.named_parameters() if p.requires_grad and not n.startswith("alphas.")]
    groups = [{"params": rest, "peak": schedule.lr, "weight_decay": schedule.weight_decay}]
    if alphas:
        groups.append({"params": alphas, "peak": schedule.lr * schedule.alpha_lr, "weight_decay": 0.0})
    return groups


def _save(model: nn.Module, optimizer: torch.optim.SGD, history: list[Epoch], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "history": [asdict(e) for e in history]}
    try:
        with part.open("wb") as file:
            torch.save(state, file)
    except RuntimeError as error:  # torch's own, for whatever kept it from writing: a full disk, for one
        if isinstance(error.__context__, OSError):
            raise error.__context__ from error
        raise
    os.replace(part, path)


def _restore(model: nn.Module, optimizer: torch.optim.SGD, path: Path) -> list[Epoch]:
    if not path.exists():
        return []
    state = torch.load(path, weights_only=True, map_location="cpu")
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return [Epoch(**epoch) for epoch in state["history"]]


@torch.inference_mode()
def correct_predictions(forward: Callable[[Tensor], Tensor], batches: Iterator[tuple[Tensor, Tensor]]) -> Tensor:
    """Whether each image's top-1 is right: bool (N,), on the CPU."""
    return torch.cat([(forward(images).argmax(1) == labels).cpu() for images, labels in batches])
