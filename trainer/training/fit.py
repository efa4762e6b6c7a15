"""One seeded, resumable run of training: the loop that teacher, student and retraining share.

A run that is broken off and started again from its checkpoint ends with the same bits as one that was not: batches
are drawn from a generator seeded by run and epoch, and a checkpoint holds model, optimizer and history.
"""

import hashlib
import logging
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from hosting.processes.malloc import keep_freed
from trainer.errors import TrainingDiverged
from trainer.training.distributed import ProcessGroup
from trainer.training.optimizers.optimizer import Optimizer
from trainer.training.schedule import Schedule

logger = logging.getLogger(__name__)

_FORMAT = 3  # of checkpoints: what is in the model's and the optimizer's state

T = TypeVar("T")
Inputs = TypeVar("Inputs")

Batch = tuple[Inputs, Tensor, float]  # images or what stands for them, labels, share of the process group's batch
Batches = Callable[[torch.Generator, int], Iterable[Batch[Inputs]]]


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """What one epoch gave: mean losses by name, `accuracy` on the validation split (0..1) if it was measured."""

    number: int  # from 1
    losses: Mapping[str, float]
    accuracy: float | None
    seconds: float
    waited: float = 0.0  # seconds of these in which no batch was ready


@dataclass(frozen=True, kw_only=True)
class TrainingRun(Generic[Inputs]):
    """What distinguishes one fit from another.

    `batches` gives those of an epoch, by a generator of its own and its number from 1; `step` adds the gradients of a
    batch to the model's and returns its named losses, at a progress of 0..1 of all steps; `validate`, if given, is
    called after epochs for the accuracy; `steps` is the number of batches of an epoch.
    """

    name: str
    seed: int
    schedule: Schedule
    steps: int
    batches: Batches[Inputs]
    step: Callable[[Inputs, Tensor, float], Mapping[str, Tensor]]
    checkpoint: Path
    on_epoch: Callable[[Epoch], None] = lambda epoch: None
    validate: Callable[[], float] | None = None
    validate_every: int = 1  # epochs; the last is always validated


def fit(model: nn.Module, run: TrainingRun[Inputs]) -> list[Epoch]:
    """Train `model` in place, or bring it to the end of an earlier run with this checkpoint.

    Returns the history of its epochs. Raises `TrainingDiverged`.
    """
    keep_freed()
    group = ProcessGroup.current()
    optimizer = Optimizer(model, run.schedule)
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
    model: nn.Module, optimizer: Optimizer, run: TrainingRun[Inputs], number: int, group: ProcessGroup
) -> Epoch:
    watch = _Watch()
    model.train()
    sums: dict[str, float] = {}
    count = 0
    batches = watch.waiting(run.batches(seeded(run.seed, run.name, number), number))
    for count, (inputs, labels, share) in enumerate(batches, start=1):
        progress = (number - 1 + min(1.0, (count - 1) / run.steps)) / run.schedule.epochs
        optimizer.zero_grad()
        losses = run.step(inputs, labels, progress)
        group.sum_gradients(model.parameters(), share)
        if run.schedule.clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), run.schedule.clip)
        optimizer.step(progress)
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


def seeded(*key: int | str) -> torch.Generator:
    """A generator whose numbers depend on the key alone."""
    digest = hashlib.sha256("/".join(map(str, key)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))


def _save(model: nn.Module, optimizer: Optimizer, history: list[Epoch], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {
        "format": _FORMAT,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "history": [asdict(e) for e in history],
    }
    write_state(path, path.with_suffix(".part"), state)


def write_state(path: Path, part: Path, state: Mapping[str, Any]) -> None:
    """Write what `torch.save` takes to a file that is whole or absent; `part` is its name until then. Raises
    `OSError`."""
    try:
        with part.open("wb") as file:
            torch.save(state, file)
    except RuntimeError as error:  # torch's own, for whatever kept it from writing: a full disk, for one
        if isinstance(error.__context__, OSError):
            raise error.__context__ from error
        raise
    os.replace(part, path)


def _restore(model: nn.Module, optimizer: Optimizer, path: Path) -> list[Epoch]:
    if not path.exists():
        return []
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
    except (EOFError, RuntimeError, UnpicklingError) as fault:  # a power cut may leave a new file without its end
        logger.warning("%s cannot be read, its run starts anew: %s", path.name, fault)
        return []
    if state.get("format") != _FORMAT:
        return []  # of a release that trained otherwise, whose job goes on here: the run starts anew
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return [Epoch(**epoch) for epoch in state["history"]]


@torch.inference_mode()
def correct_predictions(forward: Callable[[Tensor], Tensor], batches: Iterator[tuple[Tensor, Tensor]]) -> Tensor:
    """Whether each image's top-1 is right: bool (N,), on the CPU."""
    return torch.cat([(forward(images).argmax(1) == labels).cpu() for images, labels in batches])
