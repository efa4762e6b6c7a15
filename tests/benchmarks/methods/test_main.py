from benchmarks.methods.__main__ import METHODS, recipe_of
from trainer.recipe.config import RecipeConfig


def test_every_method_with_a_learning_rate_tries_three() -> None:
    for method in METHODS:
        config = RecipeConfig.preset("fast").changed(recipe_of(method))
        assert config.method == method
        assert len(config.teacher_lrs if method == "nettailor" else config.rates or (0, 0, 0)) == 3
