import argparse
from pathlib import Path

from benchmarks.methods.__main__ import METHODS, assignments, recipe_of
from benchmarks.methods.speed import images_per_second
from trainer.recipe.config import RecipeConfig


def test_every_method_with_a_learning_rate_tries_three() -> None:
    for method in METHODS:
        config = RecipeConfig.preset("fast").changed(recipe_of(method))
        assert config.method == method
        assert len(config.teacher_lrs if method == "nettailor" else config.rates or (0, 0, 0)) == 3


def test_tasks_of_packnet_stand_on_those_of_the_sets_before_them() -> None:
    args = argparse.Namespace(
        data=[Path("Birds.zip"), Path("dogs.zip"), Path("cats.zip")],
        seeds=[0],
        more_seeds=["Birds=1", "cats=1"],
        methods=["features", "packnet"],
        preset="fast",
        backbone="mini26",
        out=Path("runs"),
        threads=1,
        pruned=Path("pruned.safetensors"),
    )
    chains = {(one.task, one.seed): one for one in assignments(args) if one.folder == "runs/packnet"}
    first, second = (f"runs/packnet/{task}-seed0/bundle.safetensors" for task in ("birds", "dogs"))
    assert {key: one.chain for key, one in chains.items()} == {
        ("birds", 0): (),
        ("dogs", 0): (first,),
        ("cats", 0): (first, second),
        ("birds", 1): (),
        ("cats", 1): ("runs/packnet/birds-seed1/bundle.safetensors",),
    }
    assert {one.weights for one in chains.values()} == {"pruned.safetensors"}
    assert {one.weights for one in assignments(args) if one.folder == "runs/features"} == {None}


def test_rows_of_earlier_runs_alone_have_no_speeds() -> None:
    assert images_per_second((), {}, 9, 1.0) == {}
