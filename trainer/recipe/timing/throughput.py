"""How fast the recipe's runs are on this machine, measured on a few batches of the data itself."""

import shutil
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import torch
from torch import nn

from trainer.recipe.fold import Fold
from trainer.recipe.methods.plain_networks import plain_network, trained_plain
from trainer.training.distributed import ProcessGroup
from trainer.training.fit import Epoch
from trainer.training.schedule import Schedule

_BATCHES = 2
_RATE = 1e-4  # of learning
_EPOCHS = 3  # the first one warms up; of the others the faster one counts
_CUT = 0.6  # what an epoch of a network with blocks removed takes, in epochs of the full student, teacher apart


@dataclass(frozen=True, kw_only=True)
class Throughput:
    """Seconds of an epoch: `image` for each training image (validation included), `epoch` whatever their number."""

    image: float
    epoch: float

    def seconds(self, epochs: int, images: int) -> float:
        """A run: its epochs, and about one more for what comes before and after them (regression, statistics)."""
        return (epochs + 1) * (images * self.image + self.epoch)

    def scaled(self, factor: float) -> "Throughput":
        return Throughput(image=self.image * factor, epoch=self.epoch * factor)


@dataclass(frozen=True, kw_only=True)
class Throughputs:
    """Of the kinds of runs: the teacher's; the full student's; a candidate's, which has blocks removed and sees again
    what the student saw as far as that is kept."""

    teacher: Throughput
    student: Throughput
    candidate: Throughput


def measure_plain_throughput(fold: Fold, folder: Path) -> Throughput:
    """The throughput of a method that only adds to the backbone, as `measure_throughput` does it; twice that of a pass
    where it trains nothing."""
    probe, ends = _probe(fold, folder)
    if not fold.config.trains_plain:
        probe = replace(probe, frozen_features=None)  # which may know these images already
        began = time.monotonic()
        probe.features_of(probe.train, probe.backbone)
        return Throughput(image=2 * (time.monotonic() - began) / len(probe.train), epoch=0.0)
    trained_plain(probe, plain_network(probe), _RATE)
    _remove(folder)
    return _throughput(ends[fold.config.plain_run], len(probe.train))


def measure_teachers_throughput(fold: Fold, folder: Path) -> Throughput:
    """That of the teacher alone, in a fifth of the time that `measure_throughputs` takes."""
    probe, ends = _probe(fold, folder)
    probe.teacher(probe.config.teacher)
    _remove(folder)
    return _throughput(ends["teacher"], len(probe.train))


def measure_throughputs(fold: Fold, folder: Path, folds: int) -> Throughputs:
    """Trains a teacher, the full student and that once more for a moment, in a folder that is removed; `fold` is one of
    so many `folds`."""
    probe, ends = _probe(fold, folder)
    teacher = probe.teacher(probe.config.teacher)
    probe = probe.with_lessons(folds)
    student = probe.student(teacher)
    probe.polished(student, teacher, blocks=0)
    views = fold.fitted(fold.config.student).epochs
    kept = 0.0 if probe.lessons is None else probe.lessons.share_kept(views, len(fold.train))
    _remove(folder)
    taught, student_s, again = (_throughput(ends[run], len(probe.train)) for run in ("teacher", "student", "retrain"))
    return Throughputs(teacher=taught, student=student_s, candidate=of_candidates(student_s, again, kept))


def of_candidates(student: Throughput, again: Throughput, kept: float) -> Throughput:
    """Of networks with blocks removed. `again` is that of the full student where its lessons are kept, as the share
    `kept` of a candidate's are."""
    taught = max(0.0, student.image - again.image)
    return Throughput(image=_CUT * again.image + (1 - kept) * taught, epoch=again.epoch)


def _probe(fold: Fold, folder: Path) -> tuple[Fold, Mapping[str, list[tuple[float, Epoch]]]]:
    """The fold with a few images and short schedules, and the ends of its epochs by the kind of run."""
    _remove(folder)  # a measurement that was broken off would be restored from its checkpoints instead of made
    config = fold.config
    # Fitted to all images: in steps of another size than the student's, retraining would not find its lessons.
    schedules = [fold.fitted(schedule) for schedule in (config.teacher, config.student, config.retrain)]
    few = min(len(fold.train), _BATCHES * max(schedule.batch_size for schedule in schedules))
    some_val = max(1, round(few * len(fold.val) / len(fold.train)))
    ends: dict[str, list[tuple[float, Epoch]]] = defaultdict(list)

    def on_epoch(name: str, schedule: Schedule, epoch: Epoch, model: nn.Module) -> None:
        ends[name.partition("-")[0]].append((time.monotonic(), epoch))

    short, student, again = (
        replace(schedule, epochs=_EPOCHS, min_images=0, max_batch_size=0, lr=_RATE) for schedule in schedules
    )
    probe = replace(
        fold,
        config=replace(config, teacher=short, student=student, retrain=again),
        train=fold.train.rows(torch.arange(few)),
        val=fold.val.rows(torch.arange(min(some_val, len(fold.val)))),
        folder=folder,
        on_epoch=on_epoch,
        on_run=lambda name, history: None,
    )
    return probe, ends


def _remove(folder: Path) -> None:
    group = ProcessGroup.current()
    group.wait()
    if group.leads:
        shutil.rmtree(folder, ignore_errors=True)
    group.wait()


def _throughput(ends: Sequence[tuple[float, Epoch]], images: int) -> Throughput:
    """From the epochs and when each of them ended: an epoch's own time, and what else passed since the epoch before
    it (its checkpoint was written)."""
    between = [(after - before, epoch.seconds) for (before, _), (after, epoch) in pairwise(ends)]
    return Throughput(
        image=min(own for _, own in between) / images, epoch=max(0.0, min(whole - own for whole, own in between))
    )
