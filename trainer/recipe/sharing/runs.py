"""Runs of training as data: what they start from, and what distinguishes them, so that another process of the same
tailoring can carry one out. The outcome depends on that, the seed and the fold alone, whoever does."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from torch import nn

from nettailor.network.student import Student
from trainer.recipe.fold import STUDENT_RUN, Fold, polish_run, recover_run, teacher_run
from trainer.recipe.teacher import Teacher
from trainer.training.schedule import Schedule

M = TypeVar("M", bound=nn.Module)


@dataclass(frozen=True, kw_only=True, eq=False)
class Run(ABC, Generic[M]):
    """One run of a fold."""

    fold: Fold

    @property
    def name(self) -> str:
        """ "<fold>/<run>", as in the history."""
        return f"{self.fold.folder.name}/{self.own_name}"

    @property
    @abstractmethod
    def own_name(self) -> str:
        """As the fold calls the run, and its checkpoint."""

    @property
    @abstractmethod
    def inputs(self) -> Mapping[str, nn.Module]:
        """The networks that it starts from, by the names of this class's members."""

    @abstractmethod
    def carry_out(self) -> M:
        """Train, or bring to its end what was begun; the trained network."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TeacherRun(Run[Teacher]):
    schedule: Schedule
    head: nn.Linear

    @property
    def own_name(self) -> str:
        return teacher_run(self.schedule)

    @property
    def inputs(self) -> Mapping[str, nn.Module]:
        return {"head": self.head}

    def carry_out(self) -> Teacher:
        return self.fold.teacher(self.schedule, self.head)


@dataclass(frozen=True, kw_only=True, eq=False)
class StudentRun(Run[Student]):
    teacher: Teacher

    @property
    def own_name(self) -> str:
        return STUDENT_RUN

    @property
    def inputs(self) -> Mapping[str, nn.Module]:
        return {"teacher": self.teacher}

    def carry_out(self) -> Student:
        return self.fold.student(self.teacher)


@dataclass(frozen=True, kw_only=True, eq=False)
class RecoverRun(Run[Student]):
    """A student is cut down until so many `blocks` are removed."""

    teacher: Teacher
    start: Student
    blocks: int

    @property
    def own_name(self) -> str:
        return recover_run(self.blocks)

    @property
    def inputs(self) -> Mapping[str, nn.Module]:
        return {"teacher": self.teacher, "start": self.start}

    def carry_out(self) -> Student:
        return self.fold.recovered(self.start, self.teacher, blocks=self.blocks)


@dataclass(frozen=True, kw_only=True, eq=False)
class PolishRun(Run[Student]):
    """A student with so many `blocks` removed, which has recovered, is retrained."""

    teacher: Teacher
    start: Student
    blocks: int

    @property
    def own_name(self) -> str:
        return polish_run(self.blocks)

    @property
    def inputs(self) -> Mapping[str, nn.Module]:
        return {"teacher": self.teacher, "start": self.start}

    def carry_out(self) -> Student:
        return self.fold.polished(self.start, self.teacher, blocks=self.blocks)
