"""Whole trainings of the student, both ways: is it as accurate?"""

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.training.progress import say
from benchmarks.training.steps import StraightforwardFold, fold_of
from nettailor.cpu import bf16_pays
from nettailor.network.backbones import Backbone
from trainer.recipe.config import RecipeConfig
from trainer.recipe.fold import Fold
from trainer.training.data import TaskData


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
        plain = fold_of(Fold, data, config, backbone, own)
        teacher = plain.teacher(plain.fitted(config.teacher))
        for form, kind, bf16 in (("straightforward", StraightforwardFold, False), ("all on", Fold, bf16_pays())):
            fold = fold_of(kind, data, replace(config, bf16=bf16), backbone, own / form)
            start = time.perf_counter()
            student = fold.student(teacher)
            seconds = time.perf_counter() - start
            right = [float(fold.correct(student, split).float().mean()) for split in (data.val, data.test)]
            trained.append(Trained(seed=seed, form=form, validation=right[0], test=right[1], seconds=seconds))
            say(f"seed {seed}, {form}: {100 * right[1]:.2f} on test in {seconds:.0f} s")
    return trained
