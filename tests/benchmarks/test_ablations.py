from benchmarks.ablations import VARIANTS
from trainer.recipe.config import RecipeConfig


def test_every_variant_is_a_recipe_that_differs_in_its_own_part_alone() -> None:
    plain = RecipeConfig.preset("fast").as_json()
    for variant in VARIANTS:
        changed = RecipeConfig.preset("fast").changed(dict(variant.recipe)).as_json()
        assert {name for name in plain if plain[name] != changed[name]} == set(variant.recipe)
    assert len({variant.folder for variant in VARIANTS}) == len(VARIANTS)
