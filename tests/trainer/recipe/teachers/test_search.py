"""The search for the teacher; the folds are stand-ins whose networks give the answers they are told to."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tests.trainer.recipe.runs import fold_in
from tests.trainer.tiny import tiny_config
from trainer.recipe.config import RecipeConfig
from trainer.recipe.teachers.search import FoundTeacher, find_teacher
from trainer.training.data import evaluation_batches
from trainer.training.schedule import Schedule

IMAGES = 100


@dataclass
class Images:
    """Two classes, which a single feature tells apart in so many of the images."""

    labels: Tensor
    separable: float

    def __len__(self) -> int:
        return len(self.labels)


def images(separable: float) -> Images:
    return Images(labels=torch.arange(IMAGES) % 2, separable=separable)


@dataclass
class ToldFold:
    """A network is the number of validation images that it is right about, by learning rate and epochs."""

    config: RecipeConfig
    right: Mapping[tuple[float, int], int]
    features: float
    trained: list[tuple[float, int]] = field(default_factory=list)
    heads: list[nn.Linear | None] = field(default_factory=list)
    classes: int = 2
    backbone: None = None

    def __post_init__(self) -> None:
        self.train, self.val = images(1.0), images(self.features)

    def fitted(self, schedule: Schedule) -> Schedule:
        return schedule.fitted(len(self.train), side=32)

    def features_of(self, split: Images, body: object) -> Tensor:
        shown = 2.0 * split.labels - 1
        shown[round(split.separable * IMAGES) :] *= -1
        return shown[:, None]

    def teacher(self, schedule: Schedule, head: nn.Linear | None = None) -> int:
        self.trained.append((schedule.lr, schedule.epochs))
        self.heads.append(head)
        return self.right.get((schedule.lr, schedule.epochs), 0)

    def untouched_teacher(self, head: nn.Linear) -> str:
        return "the backbone itself"

    def correct(self, model: int, split: Images) -> Tensor:
        return torch.arange(IMAGES) < model


def config() -> RecipeConfig:
    return tiny_config(teacher_lrs=(0.01, 0.1), teacher_cycles=(2, 3))


def found_by(*folds: ToldFold) -> FoundTeacher:
    return find_teacher(folds, lambda message: None)  # type: ignore[arg-type]  # stand-ins


def _as_told(found: FoundTeacher) -> list[Any]:
    """The stand-ins' networks are numbers and words."""
    return list(found.networks)


def test_all_folds_decide_together() -> None:
    """The first fold alone would take the other learning rate."""
    first = ToldFold(config(), {(0.01, 2): 80, (0.1, 2): 70, (0.1, 4): 60}, 0.5)
    second = ToldFold(config(), {(0.01, 2): 50, (0.1, 2): 75, (0.1, 4): 60}, 0.5)
    found = found_by(first, second)
    assert found.name == "lr0.1-e2"
    assert _as_told(found) == [70, 75]
    assert first.trained == second.trained == [(0.01, 2), (0.1, 2), (0.1, 4)]
    assert found.tried == {"lr0.01-e2": 0.65, "lr0.1-e2": 0.725, "lr0.1-e4": 0.6, "features": 0.5}
    assert float(found.right.mean()) == 0.725


def test_longer_cycles_of_the_best_are_tried_while_they_win() -> None:
    fold = ToldFold(config(), {(0.01, 2): 80, (0.1, 2): 80, (0.01, 4): 85, (0.01, 6): 84}, 0.5)
    assert found_by(fold).name == "lr0.01-e4"
    assert fold.trained == [(0.01, 2), (0.1, 2), (0.01, 4), (0.01, 6)]


def test_features_that_fine_tuning_spoils_are_the_teacher() -> None:
    found = found_by(ToldFold(config(), {(0.01, 2): 80, (0.1, 2): 70, (0.01, 4): 80}, 0.9))
    assert found.name == "features"
    assert _as_told(found) == ["the backbone itself"]
    assert found.yardstick == found.features.accuracy


def test_features_that_are_hardly_better_are_only_the_yardstick() -> None:
    found = found_by(ToldFold(config(), {(0.01, 2): 80, (0.1, 2): 70, (0.01, 4): 80}, 0.82))
    assert found.name == "lr0.01-e2"
    assert abs(found.features.accuracy - 0.82) < 0.02
    assert found.yardstick == found.features.accuracy > found.estimate.accuracy


def test_fine_tuning_starts_from_the_folds_own_probe() -> None:
    fold = ToldFold(config(), {(0.01, 2): 80, (0.1, 2): 70, (0.01, 4): 80}, 0.9)
    found_by(fold)
    (head,) = set(fold.heads)
    assert head is not None
    assert torch.equal(head(fold.features_of(fold.train, fold.backbone)).argmax(1), fold.train.labels)


def test_what_is_said_of_the_search_is_plain_data() -> None:
    told: Any = found_by(ToldFold(config(), {(0.01, 2): 80, (0.1, 2): 70, (0.01, 4): 90}, 0.9)).as_json()
    assert (told["chosen"], told["tried"]["lr0.01-e4"]) == ("lr0.01-e4", 0.9)
    assert abs(told["accuracy"] - 0.9) < 0.03
    assert 0 < told["error"] < 0.05


def test_a_real_fold_starts_with_the_probes_answers(tmp_path: Path) -> None:
    """Before its first step a network that starts from the probe answers as the probe does."""
    fold = fold_in(tmp_path)
    fold = replace(fold, config=tiny_config(teacher_lrs=(1e-9,), teacher_cycles=(), bf16=False))
    found = find_teacher([fold], lambda message: None)
    head = found.linear_probe.head
    logits = torch.cat([head(fold.backbone(x)) for x, _ in evaluation_batches(fold.val, fold.preprocessing)])
    np.testing.assert_array_equal(
        fold.correct(found.linear_probe, fold.val).numpy(), (logits.argmax(1) == fold.val.labels).numpy()
    )
    torch.testing.assert_close(found.networks[0].head.weight, head.weight)
