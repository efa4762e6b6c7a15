"""One optimiser step of every stage, against the form one would write first."""

import argparse
import copy
import time
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.measuring.ratios import Ratio, paired_ratio
from benchmarks.measuring.rounds import paired_rounds, rate
from benchmarks.training.straightforward import two_passes
from nettailor.architecture.plan import full_plan
from nettailor.complexity.counting import path_costs
from nettailor.complexity.expectation import ExpectedComplexity
from nettailor.complexity.pruning import prune
from nettailor.cpu import bf16_pays
from nettailor.images import decode, prepare
from nettailor.network.backbones import Backbone, channels_last
from nettailor.network.losses import TEACHER_LOSSES, distillation_loss
from nettailor.network.student import Student
from trainer.recipe.config import RecipeConfig
from trainer.recipe.fold import Fold, Step
from trainer.recipe.loss_weights import LossWeights
from trainer.recipe.teacher import Teacher
from trainer.training.data import TaskData, training_batches

M = TypeVar("M", bound=nn.Module)
SKIPS, BATCH = 3, 32
SIDES = [(stage, form) for stage in ("teacher", "student", "retrain") for form in ("straightforward", "fp32", "all on")]


@dataclass(frozen=True, kw_only=True)
class StraightforwardFold(Fold):
    """Every step as one would first write it: two passes, the teacher as it was trained, fp32, contiguous."""

    def fine_tuning(self, model: nn.Module) -> Step[Tensor]:
        contiguous(model)

        def step(images: Tensor, labels: Tensor, progress: float) -> Mapping[str, Tensor]:
            loss = F.cross_entropy(model(images.contiguous()), labels, label_smoothing=0.1)
            loss.backward()
            return {"loss": loss}

        return step

    def distillation(self, student: Student, teacher: Teacher, weights: LossWeights) -> Step[Tensor]:
        expected = ExpectedComplexity(student.plan, self.costs)
        contiguous(student)
        guide = contiguous(copy.deepcopy(teacher)).eval()

        def step(images: Tensor, labels: Tensor, progress: float) -> Mapping[str, Tensor]:
            images = images.contiguous()
            targets, outputs = guide.targets(images), two_passes(student, images)
            terms = {
                "classification": F.cross_entropy(outputs.logits, labels),
                "complexity": expected.floored({node: student.alpha(node) for node in student.plan.nodes()}),
                "teacher": TEACHER_LOSSES[self.config.loss](outputs, targets.nodes, targets.logits),
                "distillation": distillation_loss(outputs, targets.logits),
            }
            loss = weights.weighted(terms, progress)
            loss.backward()
            return {"loss": loss, **terms}

        return step


def contiguous(module: M) -> M:
    """The module itself, convolutions and what they give in the default layout."""
    convert: Any = module.to  # torch's annotations leave `memory_format` out
    convert(memory_format=torch.contiguous_format)
    return module


def fold_of(kind: type[Fold], data: TaskData, config: RecipeConfig, backbone: Backbone, folder: Path) -> Fold:
    return kind(
        config=config,
        backbone=backbone,
        preprocessing=data.preprocessing,
        classes=len(data.classes),
        train=data.train,
        val=data.val,
        flip=False,
        costs=path_costs(backbone.geometry, data.preprocessing.crop),
        folder=folder,
        on_epoch=lambda name, schedule, epoch, model: None,
    )


@dataclass(frozen=True, kw_only=True)
class Steps:
    """Images a second of each way, by round, and how far the fast gradient is from the straightforward one."""

    rates: Mapping[tuple[str, str], list[float]]  # by stage and form
    gradient_error: float  # L2 norm of the difference over that of the gradient, fp32
    rounding_error: float  # the same between the straightforward form in fp32 and in fp64
    decode_ms: float  # decoding a batch's images, which the cache saves every step but the first epoch's

    def speedup(self, stage: str, form: str) -> Ratio:
        return paired_ratio(self.rates[stage, form], self.rates[stage, "straightforward"])


def measure_steps(data: TaskData, archive: Path, backbone: Backbone, folder: Path, args: argparse.Namespace) -> Steps:
    images, labels, _ = next(iter(batches_of(data)))
    sides = {}
    for stage, form in SIDES:
        kind, bf16 = {"straightforward": (StraightforwardFold, False), "fp32": (Fold, False)}.get(
            form, (Fold, bf16_pays())
        )
        fold = fold_of(kind, data, replace(RecipeConfig(), bf16=bf16), backbone, folder)
        run = whole_step(fold, backbone, stage, images, labels)
        sides[stage, form] = partial(rate, run, len(images), args.seconds)
    rates = paired_rounds(sides, args.rounds)
    error, rounding = gradient_errors(data, backbone, folder, images, labels)
    return Steps(rates=rates, gradient_error=error, rounding_error=rounding, decode_ms=decode_ms(data, archive))


def batches_of(data: TaskData) -> Iterable[tuple[Tensor, Tensor, float]]:
    generator = torch.Generator().manual_seed(0)
    return training_batches(data.train, data.preprocessing, batch_size=BATCH, flip=False, generator=generator)


def full_student(fold: Fold, backbone: Backbone) -> Student:
    torch.manual_seed(0)
    plan = full_plan(backbone.depth, SKIPS)
    return channels_last(Student(backbone, plan=plan, classes=fold.classes, statistics="task")).train()


def teacher_of(fold: Fold, backbone: Backbone) -> Teacher:
    torch.manual_seed(1)
    return channels_last(Teacher(backbone, fold.classes)).eval()


def whole_step(fold: Fold, backbone: Backbone, stage: str, images: Tensor, labels: Tensor) -> Callable[[], None]:
    """Gradients, clipping, update: what `trainer.training.fit` does with a batch."""
    model, step = model_and_step(fold, backbone, stage)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.001, momentum=0.9, nesterov=True)

    def run() -> None:
        optimizer.zero_grad()
        step(images, labels, 0.5)
        torch.nn.utils.clip_grad_norm_(trained, 3.0)
        optimizer.step()

    return run


def model_and_step(fold: Fold, backbone: Backbone, stage: str) -> tuple[nn.Module, Step[Tensor]]:
    """What a stage trains; retraining is of the full student without half of its blocks."""
    teacher = teacher_of(fold, backbone)
    if stage == "teacher":
        teacher.train()
        return teacher, fold.fine_tuning(teacher)
    student = full_student(fold, backbone)
    if stage == "student":
        return student, fold.distillation(student, teacher, fold.config.student_weights)
    plan = prune(student.plan, student.alpha_values(), blocks=backbone.depth // 2)
    pruned = channels_last(student.pruned(plan, backbone)).train()
    return pruned, fold.distillation(pruned, teacher, fold.config.retrain_weights)


def gradient_errors(
    data: TaskData, backbone: Backbone, folder: Path, images: Tensor, labels: Tensor
) -> tuple[float, float]:
    def gradient(kind: type[Fold], dtype: torch.dtype) -> Tensor:
        fold = fold_of(kind, data, replace(RecipeConfig(), bf16=False), backbone, folder)
        cast = copy.deepcopy(backbone).to(dtype)
        student = full_student(fold, cast).to(dtype)
        step = fold.distillation(student, teacher_of(fold, cast).to(dtype), fold.config.student_weights)
        step(images.to(dtype), labels, 0.5)
        return torch.cat([p.grad.flatten().double() for p in student.task_parameters() if p.grad is not None])

    plain, exact = gradient(StraightforwardFold, torch.float32), gradient(StraightforwardFold, torch.float64)
    fast = gradient(Fold, torch.float32)
    return float((fast - plain).norm() / plain.norm()), float((plain - exact).norm() / exact.norm())


def decode_ms(data: TaskData, archive: Path) -> float:
    with zipfile.ZipFile(archive) as members:
        names = [name for name in members.namelist() if name.startswith("train/")][:BATCH]
        encoded = [members.read(name) for name in names]
    start = time.perf_counter()
    for image in encoded:
        picture = decode(image, side=data.preprocessing.resize, value_range=data.preprocessing.value_range)
        prepare(picture, data.preprocessing)
    return 1e3 * (time.perf_counter() - start)
