"""All folds of a tailoring together: each trains networks of its own, and their accuracy is pooled.

Legend: L blocks of the backbone.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import nn

from nettailor.network.student import Student
from trainer.recipe.config import RecipeConfig
from trainer.recipe.fold import Fold
from trainer.recipe.teacher import Teacher
from trainer.recipe.teachers.search import FoundTeacher, find_teacher
from trainer.training.data import TaskData, stratified_folds


class Folds:
    """Networks come in lists, one of each fold; the first fold's are those that are published."""

    def __init__(self, folds: Sequence[Fold]) -> None:
        self._folds = list(folds)
        self._teachers: list[Teacher] = []
        self._students: list[Student] = []
        self._candidates: dict[int, list[Student]] = {}  # by blocks removed, 0..L

    @classmethod
    def split(cls, first: Fold, data: TaskData, count: int) -> "Folds":
        """`count` folds that are as the `first` in all but their images and their folder."""
        splits = stratified_folds(data, count, first.config.seed)
        return cls(
            [
                replace(first, train=train, val=val, folder=first.folder.with_name(f"fold{index}"))
                for index, (train, val) in enumerate(splits)
            ]
        )

    @property
    def first(self) -> Fold:
        return self._folds[0]

    def configure(self, config: RecipeConfig) -> None:
        """Train by this configuration from now on."""
        self._folds = [replace(fold, config=config) for fold in self._folds]

    def train_teachers(self, log: Callable[[str], None]) -> FoundTeacher:
        """The teachers of all folds, by the schedule that is best in all of them together."""
        found = find_teacher(self._folds, log)
        self._teachers = list(found.networks)
        return found

    def train_students(self) -> list[Student]:
        """The full students, each taught by its fold's teacher."""
        self._students = [fold.student(teacher) for fold, teacher in zip(self._folds, self._teachers, strict=True)]
        return self._students

    def train_candidate(self, blocks: int) -> list[Student]:
        """The students without so many of their blocks, pruned from the nearest candidate with fewer blocks removed:
        small steps lose less than one large one.

        Raises `PlanCutsEveryPath`.
        """
        start = max((removed for removed in self._candidates if removed < blocks), default=0)
        students = self._candidates.get(start, self._students)
        self._candidates[blocks] = [
            fold.candidate(student, teacher, more=blocks - start, total=blocks)
            for fold, student, teacher in zip(self._folds, students, self._teachers, strict=True)
        ]
        return self._candidates[blocks]

    def pooled_accuracy(self, models: Sequence[nn.Module]) -> float:
        """On the validation images of all folds together, 0..1."""
        right = torch.cat([fold.correct(model, fold.val) for fold, model in zip(self._folds, models, strict=True)])
        return float(right.float().mean())
