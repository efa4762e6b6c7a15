"""Both sides run by a stand-in for a checkout, which has the recipe's entry and trains nothing."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.tailoring_cost.sides import Assignment, TailoringFailed, interleaved, run

_RECIPE = """
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace

Event = namedtuple("Event", "kind stage")

class RecipeConfig(SimpleNamespace):
    @classmethod
    def preset(cls, name, seed):
        return cls(name=name, seed=seed)

    def changed(self, changes):
        return SimpleNamespace(**vars(self), **changes)

def tailor(task, dataset, config, *, backbone, report, checkpoints):
    checkpoints.mkdir(exist_ok=True)
    sum(range(3_000_000))
    report(Event("stage", "teacher"))
    report(Event("stage", "student"))
    if config.dies and not (checkpoints / "again").exists():
        (checkpoints / "again").touch()
        raise SystemExit("dies")
    accuracy = SimpleNamespace(test=len(backbone) / 10)
    return SimpleNamespace(manifest=SimpleNamespace(
        metrics=SimpleNamespace(teacher=accuracy, student=accuracy),
        complexity=SimpleNamespace(net_params_removed=0.5, net_macs_removed=0.4),
        plan=SimpleNamespace(blocks=(True, False)),
    ))
"""
_LAYOUTS = {
    "now": ("trainer.recipe.pipeline", "trainer.recipe.config", "nettailor.network.backbones"),
    "before": ("trainer.recipe", "trainer.recipe_config", "nettailor.backbones"),
}


@pytest.fixture(params=["now", "before"])
def assigned(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[bool], Assignment]:
    """Assignments for a checkout whose packages lie as they do now, or as they did."""
    checkout = tmp_path / "checkout"
    for module in _LAYOUTS[request.param]:
        path = checkout.joinpath(*module.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        loaded = "def load_backbone(name):\n    return name\n"
        path.write_text(loaded if "backbones" in module else _RECIPE)
        for folder in path.relative_to(checkout).parents:
            (checkout / folder / "__init__.py").touch()

    def of(dies: bool) -> Assignment:
        return Assignment(
            side="before",
            checkout=str(checkout),
            dataset="signs.zip",
            preset="fast",
            seed=0,
            recipe={"dies": dies},
            backbone="mini26",
            threads=1,
            out=str(tmp_path / "out"),
        )

    return of


def test_a_tailoring_is_measured_once(assigned: Callable[[bool], Assignment]) -> None:
    row = run(assigned(False))
    assert (row.task, row.preset, row.side, row.blocks_removed) == ("signs", "fast", "before", 1)
    assert row.test_accuracy == row.teacher_accuracy == 0.6
    assert 0 < row.finetuning_cpu_seconds <= row.cpu_seconds
    assert run(assigned(True)) == row


def test_what_a_broken_off_tailoring_spent_counts(assigned: Callable[[bool], Assignment]) -> None:
    with pytest.raises(TailoringFailed):
        run(assigned(True))
    spent = json.loads((assigned(True).folder / "spent.json").read_text())
    row = run(assigned(True))
    assert row.cpu_seconds > spent["cpu_seconds"] > 0
    assert row.finetuning_cpu_seconds == spent["finetuning_cpu_seconds"]


def test_a_recipe_from_elsewhere_is_not_measured(assigned: Callable[[bool], Assignment], tmp_path: Path) -> None:
    """An empty checkout would leave the one that is installed."""
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(TailoringFailed):
        run(Assignment(**{**vars(assigned(False)), "checkout": str(empty)}))


def test_the_two_sides_take_turns_and_so_does_who_is_first() -> None:
    found = interleaved(
        [Path("flowers.zip"), Path("signs.zip")],
        ["balanced"],
        [0],
        alone=["fast", "balanced"],  # the latter is on both sides already
        checkouts={"before": "/before", "now": "/now"},
        recipe={},
        backbone="mini26",
        threads=1,
        out="out",
    )
    assert [(one.task, one.preset, one.side, one.checkout) for one in found] == [
        ("flowers", "balanced", "before", "/before"),
        ("flowers", "balanced", "now", "/now"),
        ("flowers", "fast", "now", "/now"),
        ("signs", "balanced", "now", "/now"),
        ("signs", "balanced", "before", "/before"),
        ("signs", "fast", "now", "/now"),
    ]
