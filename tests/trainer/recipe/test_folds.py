"""All folds together; the folds themselves are stand-ins that train nothing."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from trainer.recipe.folds import Folds


@dataclass
class NamedFold:
    """A student is a tuple of its name and the blocks removed step by step; `right` is the same for every model."""

    name: str
    right: list[bool]
    val: str = "val"

    def student(self, teacher: str) -> tuple[str, ...]:
        return (self.name,)

    def candidate(self, start: tuple[str, ...], teacher: str, *, more: int, total: int) -> tuple[str, ...]:
        return (*start, f"{more}/{total}")

    def correct(self, model: Any, images: str) -> Tensor:
        return torch.tensor(self.right)


def folds_of(*folds: NamedFold) -> Any:
    folds_together: Any = Folds(folds)  # type: ignore[arg-type]  # stand-ins
    folds_together._teachers = [f"teacher of {fold.name}" for fold in folds]
    return folds_together


def test_a_candidate_is_pruned_from_the_nearest_with_fewer_blocks_removed() -> None:
    folds = folds_of(NamedFold("a", [True]), NamedFold("b", [True]))
    folds.train_students()
    assert folds.train_candidate(6) == [("a", "6/6"), ("b", "6/6")]
    assert folds.train_candidate(3) == [("a", "3/3"), ("b", "3/3")]
    assert folds.train_candidate(5) == [("a", "3/3", "2/5"), ("b", "3/3", "2/5")]
    assert folds.train_candidate(8) == [("a", "6/6", "2/8"), ("b", "6/6", "2/8")]
    assert folds.train_candidate(0) == [("a", "0/0"), ("b", "0/0")]


def test_accuracy_is_pooled_over_images_not_over_folds() -> None:
    folds = folds_of(NamedFold("a", [True, True, True]), NamedFold("b", [False]))
    assert folds.pooled_accuracy(["one", "two"]) == 0.75
