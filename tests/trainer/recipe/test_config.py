import pytest

from trainer.recipe.config import RecipeConfig


def test_changes_by_name_reach_into_schedules() -> None:
    config = RecipeConfig().changed({"statistics": "frozen", "student.epochs": 24, "teacher_lrs": [0.01]})
    assert (config.statistics, config.student.epochs, config.teacher_lrs) == ("frozen", 24, (0.01,))
    assert config.student.lr == RecipeConfig().student.lr


@pytest.mark.parametrize("name", ["gama1", "student.epoch", "nothing.epochs"])
def test_an_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"no {name}"):
        RecipeConfig().changed({name: 1})
