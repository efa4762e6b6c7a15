"""What tailoring costs, beside the straightforward training step and beside plain fine-tuning.

    python -m benchmarks.training [--data SET.zip] [--preset balanced] [--rounds 9] [--seeds 0 1 2] [--json]

- Steps of every stage: images a second of one optimiser step of teacher, full student with three skips, and student
  without half of its blocks, on one batch of 32, against the form one would write first: two passes through the
  student, fp32, weights and images contiguous, the teacher in training form (`benchmarks.straightforward`). In fp32 the
  gradients are compared, too; "all on" is what the recipe does by itself on this machine. Decoding is on neither side;
  what it would add without the cache has a line.
- Accuracy: whole student trainings, both ways, same seeds and batches, on the validation and the test split.
- One whole tailoring: time of every stage, share of it in which training waited for a batch, and the whole beside its
  first stage, which is plain fine-tuning with the same search over learning rates and lengths.

Without --data, scikit-learn's digits. Goals: 1.3 in fp32, 1.8 with all on, waiting at most 5%, at most 3 times plain
fine-tuning.
"""

import argparse
import copy
import json
import shutil
import statistics
import sys
import tempfile
import time
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks import machine
from benchmarks.ratios import Ratio, paired_ratio
from benchmarks.rounds import paired_rounds, rate
from benchmarks.straightforward import two_passes
from cli.demo_data import write_digits
from nettailor.backbones import Backbone, channels_last, load_backbone
from nettailor.complexity import path_costs
from nettailor.cpu import bf16_pays
from nettailor.expectation import ExpectedComplexity
from nettailor.images import decode, prepare
from nettailor.losses import distillation_loss, teacher_loss
from nettailor.plan import full_plan
from nettailor.pruning import prune
from nettailor.student import Student
from trainer.data import TaskData, load_dataset, training_batches
from trainer.events import Event
from trainer.fold import Fold, Step
from trainer.intake import freeze
from trainer.limits import IntakeLimits
from trainer.recipe import RecipeConfig, tailor
from trainer.teacher import Teacher

M = TypeVar("M", bound=nn.Module)
SKIPS, BATCH = 3, 32
SIDES = [(stage, form) for stage in ("teacher", "student", "retrain") for form in ("straightforward", "fp32", "all on")]


@dataclass(frozen=True, kw_only=True)
class StraightforwardFold(Fold):
    """Every step as one would first write it: two passes, the teacher as it was trained, fp32, contiguous."""

    def fine_tuning(self, teacher: Teacher) -> Step:
        contiguous(teacher)

        def step(images: Tensor, labels: Tensor, progress: float) -> Mapping[str, Tensor]:
            loss = F.cross_entropy(teacher(images.contiguous()), labels, label_smoothing=0.1)
            loss.backward()
            return {"loss": loss}

        return step

    def distillation(self, student: Student, teacher: Teacher, gamma1: float) -> Step:
        expected = ExpectedComplexity(student.plan, self.costs)
        contiguous(student)
        guide = contiguous(copy.deepcopy(teacher)).eval()

        def step(images: Tensor, labels: Tensor, progress: float) -> Mapping[str, Tensor]:
            images = images.contiguous()
            targets, outputs = guide.targets(images), two_passes(student, images)
            terms = {
                "classification": F.cross_entropy(outputs.logits, labels),
                "complexity": expected.floored({node: student.alpha(node) for node in student.plan.nodes()}),
                "teacher": teacher_loss(outputs, targets.nodes, targets.logits),
                "distillation": distillation_loss(outputs, targets.logits),
            }
            loss = self.config.weighted(terms, gamma1, progress)
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
    """Gradients, clipping, update: what `trainer.fitting` does with a batch."""
    model, step = model_and_step(fold, backbone, stage)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.001, momentum=0.9, nesterov=True)

    def run() -> None:
        optimizer.zero_grad()
        step(images, labels, 0.5)
        torch.nn.utils.clip_grad_norm_(trained, 3.0)
        optimizer.step()

    return run


def model_and_step(fold: Fold, backbone: Backbone, stage: str) -> tuple[nn.Module, Step]:
    """What a stage trains; retraining is of the full student without half of its blocks."""
    teacher = teacher_of(fold, backbone)
    if stage == "teacher":
        teacher.train()
        return teacher, fold.fine_tuning(teacher)
    student = full_student(fold, backbone)
    if stage == "student":
        return student, fold.distillation(student, teacher, fold.config.gamma1)
    plan = prune(student.plan, student.alpha_values(), blocks=backbone.depth // 2)
    pruned = channels_last(student.pruned(plan, backbone)).train()
    return pruned, fold.distillation(pruned, teacher, 0.0)


def gradient_errors(
    data: TaskData, backbone: Backbone, folder: Path, images: Tensor, labels: Tensor
) -> tuple[float, float]:
    def gradient(kind: type[Fold], dtype: torch.dtype) -> Tensor:
        fold = fold_of(kind, data, replace(RecipeConfig(), bf16=False), backbone, folder)
        cast = copy.deepcopy(backbone).to(dtype)
        student = full_student(fold, cast).to(dtype)
        fold.distillation(student, teacher_of(fold, cast).to(dtype), 0.3)(images.to(dtype), labels, 0.5)
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
        prepare(decode(image, side=data.preprocessing.resize), data.preprocessing)
    return 1e3 * (time.perf_counter() - start)


@dataclass(frozen=True, kw_only=True)
class Trained:
    """One student's whole training; shares of the images that it tells right."""

    seed: int
    form: str
    validation: float
    test: float
    seconds: float


def train_students(data: TaskData, backbone: Backbone, folder: Path, args: argparse.Namespace) -> list[Trained]:
    """Teacher and student by the `fast` schedules; the teacher is one and the same for both forms."""
    trained = []
    for seed in args.seeds:
        config = replace(RecipeConfig.preset("fast", seed=seed), bf16=False)
        own = folder / f"seed{seed}"
        teacher, _ = fold_of(Fold, data, config, backbone, own).teacher(config.teacher.fitted(len(data.train)))
        for form, kind, bf16 in (("straightforward", StraightforwardFold, False), ("all on", Fold, bf16_pays())):
            fold = fold_of(kind, data, replace(config, bf16=bf16), backbone, own / form)
            start = time.perf_counter()
            student = fold.student(teacher)
            seconds = time.perf_counter() - start
            right = [float(fold.correct(student, split).float().mean()) for split in (data.val, data.test)]
            trained.append(Trained(seed=seed, form=form, validation=right[0], test=right[1], seconds=seconds))
            say(f"seed {seed}, {form}: {100 * right[1]:.2f} on test in {seconds:.0f} s")
    return trained


@dataclass(frozen=True, kw_only=True)
class Whole:
    """A whole tailoring: seconds of its stages, epochs and seconds of its runs, and what was waited for batches."""

    stages: Mapping[str, float]
    epochs: Mapping[str, int]  # by kind of run
    training_seconds: float
    waited: float

    @property
    def vs_finetuning(self) -> float:
        """The whole beside its teachers, which are plain fine-tuning with a search."""
        return sum(self.stages.values()) / self.stages["teacher"]

    @property
    def epoch_vs_finetuning(self) -> float:
        """The mean cost of an epoch of the tailoring, search and evaluation included, beside a teacher's."""
        whole = sum(self.stages.values()) / sum(self.epochs.values())
        return whole / (self.stages["teacher"] / self.epochs["teacher"])


class Observer:
    """Hears a tailoring's events and times its stages."""

    def __init__(self) -> None:
        self.stages: dict[str, float] = defaultdict(float)
        self.epochs: dict[str, int] = defaultdict(int)
        self.totals: dict[str, float] = defaultdict(float)
        self._stage, self._since = "teacher", time.perf_counter()

    def hear(self, event: Event) -> None:
        self.settle(event.stage or self._stage)
        if event.kind == "epoch":
            self.epochs[str(event.fields["run"]).partition("-")[0]] += 1
            for name in ("seconds", "waited"):
                self.totals[name] += float(cast(float, event.fields[name]))
        if event.kind in ("stage", "candidate"):
            say(f"{event.stage}: { ({k: v for k, v in event.fields.items() if k != 'alphas'}) }")

    def settle(self, stage: str) -> None:
        """What was spent until now is the stage's before."""
        now = time.perf_counter()
        self.stages[self._stage] += now - self._since
        self._stage, self._since = stage, now


def tailor_once(archive: Path, backbone: Backbone, folder: Path, preset: Any) -> Whole:
    observer = Observer()
    config = RecipeConfig.preset(preset)
    tailor("benchmark", archive, config, backbone=backbone, report=observer.hear, checkpoints=folder)
    observer.settle("")
    return Whole(
        stages=dict(observer.stages),
        epochs=dict(observer.epochs),
        training_seconds=observer.totals["seconds"],
        waited=observer.totals["waited"],
    )


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def steps_table(steps: Steps) -> Table:
    table = Table("stage", "form", "images/s", "speed-up", title=f"One step of training, batch {BATCH}")
    for (stage, form), rates in steps.rates.items():
        table.add_row(stage, form, f"{statistics.median(rates):.0f}", str(steps.speedup(stage, form)))
    return table


def trained_table(trained: list[Trained]) -> Table:
    table = Table("seed", "form", "validation", "test", "seconds", title="The student's whole training (%)")
    for row in trained:
        values = f"{100 * row.validation:.2f}", f"{100 * row.test:.2f}", f"{row.seconds:.0f}"
        table.add_row(str(row.seed), row.form, *values)
    return table


def whole_table(whole: Whole) -> Table:
    table = Table("stage", "seconds", title="A whole tailoring")
    for stage, seconds in whole.stages.items():
        table.add_row(stage, f"{seconds:.1f}")
    table.add_row("beside plain fine-tuning with the same search", f"{whole.vs_finetuning:.2f} times")
    table.add_row("an epoch beside one of plain fine-tuning", f"{whole.epoch_vs_finetuning:.2f} times")
    return table


def step_figures(steps: Steps) -> dict[str, Any]:
    return {
        "student_step_speedup_fp32": round(steps.speedup("student", "fp32").median, 3),
        "student_step_speedup": round(steps.speedup("student", "all on").median, 3),
        "images_a_second": {
            f"{stage}, {form}": round(statistics.median(rates)) for (stage, form), rates in steps.rates.items()
        },
        "gradient_error": steps.gradient_error,
        "rounding_error": steps.rounding_error,
        "decode_ms_a_batch": round(steps.decode_ms, 2),
    }


def summary(steps: Steps, trained: list[Trained], whole: Whole) -> dict[str, Any]:
    def mean(form: str, split: str) -> float:
        return statistics.mean(float(getattr(row, split)) for row in trained if row.form == form)

    return step_figures(steps) | {
        "data_wait_share": round(whole.waited / whole.training_seconds, 4),
        "tailoring_vs_finetuning": round(whole.vs_finetuning, 3),
        "epoch_vs_finetuning": round(whole.epoch_vs_finetuning, 3),
        "test_accuracy_straightforward": round(mean("straightforward", "test"), 4),
        "test_accuracy": round(mean("all on", "test"), 4),
        "epochs": dict(whole.epochs),
        "stages_seconds": {stage: round(seconds, 1) for stage, seconds in whole.stages.items()},
        "machine": machine.describe(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a zip of class folders")
    parser.add_argument("--preset", choices=["fast", "balanced", "thorough"], default="balanced")
    parser.add_argument("--backbone", default="mini26")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each side a round")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps-only", action="store_true", help="a minute or two instead of ten")
    parser.add_argument("--json", action="store_true", help="only the line of JSON on stdout; the tables on stderr")
    args = parser.parse_args()
    backbone = channels_last(load_backbone(args.backbone))
    folder = Path(tempfile.mkdtemp(prefix="nettailor-training-"))
    try:
        archive = folder / "dataset.zip"
        if args.data is None:
            write_digits(folder / "digits.zip")
        freeze(args.data or folder / "digits.zip", archive, IntakeLimits())
        data = load_dataset(archive, backbone.preprocessing)
        steps = measure_steps(data, archive, backbone, folder / "steps", args)
        console = Console(stderr=args.json, width=110)
        console.print(steps_table(steps))
        if args.steps_only:
            print(json.dumps(step_figures(steps)))
            return
        trained = train_students(data, backbone, folder / "students", args)
        console.print(trained_table(trained))
        whole = tailor_once(archive, backbone, folder / "whole", args.preset)
        console.print(whole_table(whole))
    finally:
        shutil.rmtree(folder)
    print(json.dumps(summary(steps, trained, whole)))


if __name__ == "__main__":
    main()
