"""All folds of a tailoring together: each trains networks of its own, and their accuracy is pooled.

Legend: L blocks of the backbone, N images.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from nettailor.errors import PlanCutsEveryPath
from nettailor.network.student import Student
from trainer.recipe.config import RecipeConfig
from trainer.recipe.fold import Fold
from trainer.recipe.methods.plain_networks import plain_network, trained_plain
from trainer.recipe.sharing.crew import Alone
from trainer.recipe.sharing.runs import PolishRun, RecoverRun, StudentRun
from trainer.recipe.teacher import Teacher
from trainer.recipe.teachers.search import FoundTeacher, Probes, find_teacher
from trainer.training.data import TaskData
from trainer.training.stratified_folds import stratified_folds


class Folds:
    """Networks come in lists, one of each fold; the first fold's are those that are published."""

    def __init__(self, folds: Sequence[Fold], crew: Alone | None = None) -> None:
        self._folds = list(folds)
        self._crew = crew or Alone()
        self._teachers: list[Teacher] = []
        self._recovered: dict[int, list[Student]] = {}  # by blocks removed, 0..L

    @classmethod
    def split(cls, first: Fold, data: TaskData, count: int, crew: Alone | None = None) -> "Folds":
        """`count` folds that are as the `first` in all but their images and their folder; the `crew` trains."""
        splits = stratified_folds(data, count, first.config.seed)
        return cls(
            [
                replace(first, train=train, val=val, folder=first.folder.with_name(f"fold{index}"))
                for index, (train, val) in enumerate(splits)
            ],
            crew,
        )

    @property
    def first(self) -> Fold:
        return self._folds[0]

    def configure(self, config: RecipeConfig) -> None:
        """Train by this configuration from now on."""
        self._folds = [replace(fold, config=config) for fold in self._folds]

    def train_teachers(self, log: Callable[[str], None], *, only_trained: bool = False) -> FoundTeacher:
        """The teachers of all folds, by the schedule that is best in all of them together; as `find_teacher`."""
        found = find_teacher(self._folds, log, only_trained=only_trained, crew=self._crew)
        self._teachers = list(found.networks)
        self._forget_features()
        return found

    def probe_features(self) -> FoundTeacher:
        """The backbone as it is with a linear classifier, in place of teachers."""
        found = Probes(self._folds).found()
        self._forget_features()
        return found

    def _forget_features(self) -> None:
        """Nothing asks for them once there are teachers, or networks with features of their own."""
        if self.first.frozen_features is not None:
            self.first.frozen_features.forget()

    def plain_networks(self) -> list[Student]:
        """Networks of a method that adds no path, each with a linear probe of its own features for a classifier."""
        self._forget_features()
        networks = [plain_network(fold) for fold in self._folds]
        probes = Probes(self._folds, [network.features for network in networks])
        for network, head in zip(networks, probes.heads, strict=True):
            network.head.load_state_dict(head.state_dict())
        return networks

    def train_plain(self, networks: Sequence[Student], lr: float) -> list[Student]:
        """The networks after training."""
        return [trained_plain(fold, network, lr) for fold, network in zip(self._folds, networks, strict=True)]

    def train_students(self) -> list[Student]:
        """The full students, each taught by its fold's teacher."""
        self._folds = [fold.with_lessons(len(self._folds)) for fold in self._folds]
        folds = zip(self._folds, self._teachers, strict=True)
        students = self._crew.carry_out([StudentRun(fold=fold, teacher=teacher) for fold, teacher in folds])
        self._recovered[0] = students
        return students

    def recover(self, blocks: int) -> list[Student]:
        """The students without so many of their blocks, each pruned from the one before: small steps lose less than one
        large one. With none removed they are the students themselves. Where weak proxies that went before leave no path
        now, it is pruned from the last one that still has them.

        Raises `PlanCutsEveryPath`.
        """
        if blocks > 0:
            runs = [self._recovery(fold, blocks) for fold in range(len(self._folds))]
            self._recovered[blocks] = self._crew.carry_out(runs)
        return self._recovered[blocks]

    def _recovery(self, place: int, blocks: int) -> RecoverRun:
        fold, teacher = self._folds[place], self._teachers[place]
        starts = sorted((removed for removed in self._recovered if removed < blocks), reverse=True)
        for removed in starts:
            start = self._recovered[removed][place]
            try:
                fold.plan_without(start, blocks)
            except PlanCutsEveryPath:
                if removed == starts[-1]:
                    raise
            else:
                return RecoverRun(fold=fold, teacher=teacher, start=start, blocks=blocks)
        raise AssertionError("the students themselves are among the starts")

    def polish(self, blocks: int) -> list[Student]:
        """The networks with so many blocks removed, which have recovered, after the long retraining."""
        return self._crew.carry_out(self._polishes(blocks))

    def foresee_polish(self, likely: Sequence[int]) -> None:
        """Networks with so many blocks removed, which have recovered, may be polished soon, the first ones first: who
        has nothing else to do may begin."""
        self._crew.offer([run for blocks in likely for run in self._polishes(blocks)], needed=False)

    def _polishes(self, blocks: int) -> list[PolishRun]:
        return [
            PolishRun(fold=fold, teacher=teacher, start=student, blocks=blocks)
            for fold, student, teacher in zip(self._folds, self._recovered[blocks], self._teachers, strict=True)
        ]

    def correct(self, models: Sequence[nn.Module]) -> Tensor:
        """Whether each validation image's top-1 is right, in all folds together: bool (N,)."""
        return torch.cat([fold.correct(model, fold.val) for fold, model in zip(self._folds, models, strict=True)])
