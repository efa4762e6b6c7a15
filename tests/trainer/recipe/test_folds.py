"""All folds together; the folds themselves are stand-ins that train nothing."""

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from nettailor.errors import PlanCutsEveryPath
from trainer.recipe.folds import Folds


@dataclass
class NamedFold:
    """A student is a tuple of its name and the blocks removed step by step; `right` is the same for every model."""

    name: str
    right: list[bool]
    val: str = "val"
    cut: frozenset[tuple[str, str]] = frozenset()  # the last cut and the next, after which no path would be left

    def with_lessons(self, folds: int) -> "NamedFold":
        return self

    def student(self, teacher: str) -> tuple[str, ...]:
        return (self.name,)

    def plan_without(self, start: tuple[str, ...], blocks: int) -> None:
        if (start[-1], str(blocks)) in self.cut:
            raise PlanCutsEveryPath("node 1")

    def recovered(self, start: tuple[str, ...], teacher: str, *, blocks: int) -> tuple[str, ...]:
        self.plan_without(start, blocks)
        return (*start, str(blocks))

    def polished(self, recovered: tuple[str, ...], teacher: str, *, blocks: int) -> tuple[str, ...]:
        return (*recovered, "polished")

    def correct(self, model: Any, images: str) -> Tensor:
        return torch.tensor(self.right)


def folds_of(*folds: NamedFold) -> Any:
    folds_together: Any = Folds(folds)  # type: ignore[arg-type]  # stand-ins
    folds_together._teachers = [f"teacher of {fold.name}" for fold in folds]
    return folds_together


def test_each_network_comes_from_the_one_before() -> None:
    folds = folds_of(NamedFold("a", [True]), NamedFold("b", [True]))
    students = folds.train_students()
    assert folds.recover(0) == students == [("a",), ("b",)]
    assert folds.recover(1) == [("a", "1"), ("b", "1")]
    assert folds.recover(2) == [("a", "1", "2"), ("b", "1", "2")]
    assert folds.polish(1) == [("a", "1", "polished"), ("b", "1", "polished")]
    assert folds.polish(0) == [("a", "polished"), ("b", "polished")]
    assert folds.recover(4) == [("a", "1", "2", "4"), ("b", "1", "2", "4")]


def test_where_no_path_is_left_it_goes_down_from_further_above() -> None:
    cut = frozenset({("2", "3"), ("1", "3"), ("3", "4"), ("2", "4"), ("1", "4"), ("b", "4")})
    folds = folds_of(NamedFold("a", [True]), NamedFold("b", [True], cut=cut))
    folds.train_students()
    for blocks in (1, 2):
        folds.recover(blocks)
    assert folds.recover(3) == [("a", "1", "2", "3"), ("b", "3")]
    with pytest.raises(PlanCutsEveryPath):
        folds.recover(4)


def test_the_answers_of_all_folds_stand_side_by_side() -> None:
    folds = folds_of(NamedFold("a", [True, True, True]), NamedFold("b", [False]))
    assert folds.correct(["one", "two"]).tolist() == [True, True, True, False]
