"""What a tailoring with limited time did not do of what its preset wants, in words for people."""

from collections.abc import Iterator

from trainer.recipe.config import RecipeConfig
from trainer.recipe.timing.decision_log import DecisionLog
from trainer.training.schedule import Schedule


def skipped(made: DecisionLog, config: RecipeConfig, *, folds: int, images: int) -> list[str]:
    """By the decisions that a time budget made; `config` and `folds` are as they would be without it."""
    return [*_of_the_teacher(made, config, folds, images), *_of_later_stages(made, config, images)]


def _of_the_teacher(made: DecisionLog, config: RecipeConfig, folds: int, images: int) -> Iterator[str]:
    decision = made.get("teacher")
    if decision is None:
        return
    yield from _epochs("teacher", decision["epochs"], config.teacher, images)
    tried, cycles = len(decision["lrs"]), len(decision["cycles"])
    if tried < len(config.teacher_lrs):
        yield f"teacher: {tried} of {len(config.teacher_lrs)} learning rates"
    if cycles < len(config.teacher_cycles):
        yield "teacher: no longer cycles"
    if decision["folds"] < folds:
        yield f"validation: {decision['folds']} of {folds} folds"


def _of_later_stages(made: DecisionLog, config: RecipeConfig, images: int) -> Iterator[str]:
    stages = (("student", "student", config.student), ("retrain", "retraining", config.retrain))
    for stage, shown, schedule in stages:
        decision = made.get(stage)
        if decision is not None:
            yield from _epochs(shown, decision["epochs"], schedule, images)
    if any(not allowed for allowed in made.starting_with("k").values()):
        yield "search: smaller networks were not tried"
    if any(not allowed for allowed in made.starting_with("polish").values()):
        yield "retraining: not of every network that it was meant for"


def _epochs(stage: str, planned: int | None, schedule: Schedule, images: int) -> Iterator[str]:
    full = schedule.epochs_of(images)
    if planned is not None and planned < full:
        yield f"{stage}: {planned} of {full} epochs"
