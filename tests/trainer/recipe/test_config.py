from pathlib import Path
from typing import Any

import pytest

from trainer.recipe.config import RecipeConfig
from trainer.recipe.loss_weights import LossWeights


def test_changes_by_name_reach_into_schedules() -> None:
    config = RecipeConfig().changed({"statistics": "frozen", "student.epochs": 24, "teacher_lrs": [0.01]})
    assert (config.statistics, config.student.epochs, config.teacher_lrs) == ("frozen", 24, (0.01,))
    assert config.student.lr == RecipeConfig().student.lr


@pytest.mark.parametrize("name", ["gama1", "student.epoch", "nothing.epochs"])
def test_an_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"no {name}"):
        RecipeConfig().changed({name: 1})


def test_each_form_of_the_loss_comes_with_weights_of_its_own() -> None:
    assert RecipeConfig().student_weights == LossWeights(gamma1=0.3, gamma2=2.0, distillation=0.0)
    assert RecipeConfig(loss="local").student_weights == LossWeights(gamma1=0.3, gamma2=3.0, distillation=2.0)
    paper = RecipeConfig().changed({"loss": "paper"})
    assert paper.student_weights == LossWeights(gamma1=0.3, gamma2=10.0, distillation=0.0)
    changed = RecipeConfig(loss="paper", gamma2=4.0, distillation=1.0)
    assert changed.student_weights == LossWeights(gamma1=0.3, gamma2=4.0, distillation=1.0)


@pytest.mark.parametrize(
    ("recipe", "compares"),
    [({}, False), ({"loss": "local"}, True), ({"loss": "paper"}, True), ({"loss": "paper", "gamma2": 0.0}, False)],
)
def test_nodes_are_compared_where_they_weigh_something(recipe: dict[str, Any], compares: bool) -> None:
    assert RecipeConfig().changed(recipe).compares_nodes is compares


def test_networks_with_blocks_removed_are_trained_without_the_complexity() -> None:
    assert RecipeConfig(gamma2=5.0).retrain_weights == LossWeights(gamma1=0.0, gamma2=5.0, distillation=0.0)


def test_the_manifest_has_the_weights_that_were_used() -> None:
    values = RecipeConfig(loss="paper").as_json()
    assert (values["loss"], values["gamma2"], values["distillation"]) == ("paper", 10.0, 0.0)


def test_an_unknown_loss_is_refused() -> None:
    with pytest.raises(ValueError, match="no loss is called papers"):
        RecipeConfig(loss="papers")  # type: ignore[arg-type]  # that is the point


def test_a_path_may_be_given_as_text() -> None:
    config = RecipeConfig().changed({"latency_table": "table.json", "max_latency_ms": 5})
    assert (config.latency_table, config.as_json()["latency_table"]) == (Path("table.json"), "table.json")


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ({"loss": "papers"}, "loss='papers'"),
        ({"gamma2": "much"}, "gamma2='much'"),
        ({"folds": 2.5}, "folds=2.5"),
        ({"student.lr": "fast"}, "student.lr='fast'"),
        ({"retrain.epochs": 0}, "retrain: unusable schedule"),
        ({"retrain": 3}, "retrain=3"),
        ({"teacher_lrs": [0.01, -1]}, "learning rates are above 0"),
        ({"method_lrs": [0]}, "learning rates are above 0"),
        ({"teacher_cycles": [0]}, "teacher_cycles are multiples"),
        ({"regressed_images": -3}, "regressed_images must be at least 0"),
        ({"gamma2": -1.0, "loss": "local"}, "at least 0"),
        ({"distillation": float("nan")}, "at least 0"),
        ({"gamma1_rise": -0.5}, "gamma1_rise is a share"),
    ],
)
def test_a_value_that_training_would_stumble_over_is_refused_before_it(recipe: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        RecipeConfig().changed(recipe)
