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


def test_the_papers_loss_comes_with_the_papers_weights() -> None:
    assert RecipeConfig().teacher_weights == (3.0, 2.0)
    assert RecipeConfig().changed({"loss": "paper"}).teacher_weights == (10.0, 0.0)
    assert RecipeConfig(loss="paper", gamma2=4.0, distillation=1.0).teacher_weights == (4.0, 1.0)


def test_the_manifest_has_the_weights_that_were_used() -> None:
    values = RecipeConfig(loss="paper").as_json()
    assert (values["loss"], values["gamma2"], values["distillation"]) == ("paper", 10.0, 0.0)


def test_an_unknown_loss_is_refused() -> None:
    with pytest.raises(ValueError, match="no loss is called papers"):
        RecipeConfig().changed({"loss": "papers"})
