from argparse import Namespace
from pathlib import Path

from benchmarks.ablations import VARIANTS, assignments, studies, table
from tests.benchmarks.rows import row
from trainer.recipe.config import RecipeConfig


def test_every_variant_is_a_recipe_that_differs_in_its_own_part_alone() -> None:
    plain = RecipeConfig.preset("fast").as_json()
    for variant in VARIANTS:
        changed = RecipeConfig.preset("fast").changed(dict(variant.recipe)).as_json()
        assert {name for name in plain if plain[name] != changed[name]} == set(variant.recipe)
    assert len({variant.folder for variant in VARIANTS}) == len(VARIANTS)


def test_one_study_alone_has_the_recipe_itself_to_be_compared_with(tmp_path: Path) -> None:
    args = Namespace(
        data=[Path("pets.zip")],
        seeds=[0],
        more_seeds=[],
        preset="fast",
        backbone="mini26",
        threads=1,
        out=tmp_path,
        studies=["loss"],
    )
    work = assignments(args)
    assert [variant.name for variant, _ in work] == ["with", "local", "paper"]
    for _, assignment in work:
        folder = Path(assignment.folder) / "pets-seed0"
        folder.mkdir(parents=True)
        (folder / "front.json").write_text("[]")
    found = studies([(*pair, row("pets", 0)) for pair in work])
    assert {study: list(variants) for study, variants in found.items()} == {
        "teacher": ["with"],
        "skips": ["3"],
        "loss": ["logits", "local", "paper"],
    }
    assert table(found).row_count == 5
