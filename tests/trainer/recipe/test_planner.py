"""What is decided before anything is trained."""

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from tests.trainer.tiny import tiny_backbone, tiny_config, tiny_task
from trainer.events import Event
from trainer.recipe import planner
from trainer.recipe.config import RecipeConfig
from trainer.recipe.fold import Fold
from trainer.recipe.planner import Planner, WorkPlan
from trainer.recipe.teachers.frozen_features import FrozenFeatures
from trainer.recipe.timing.decision_log import DecisionLog
from trainer.recipe.timing.progress_reporter import ProgressReporter
from trainer.recipe.timing.throughput import Throughput, Throughputs
from trainer.recipe.timing.time_budget import LONGEST, SHORTEST
from trainer.recipe.timing.work import IN_PASSES, in_seconds, in_teachers_seconds
from trainer.training.schedule import Schedule

SCHEDULE = Schedule(epochs=2, lr=0.01, batch_size=12)
TEACHER, STUDENT, CANDIDATE = (Throughput(image=image, epoch=0.5) for image in (0.01, 0.036, 0.02))
MEASURED = Throughputs(teacher=TEACHER, student=STUDENT, candidate=CANDIDATE)


def planner_of(
    folder: Path, config: RecipeConfig, events: list[Event] | None = None, *, starts_warm: bool = False
) -> Planner:
    return Planner(
        config=config,
        data=tiny_task(),
        decision_log=DecisionLog(folder / "decisions.json"),
        elapsed=None,
        progress=ProgressReporter((events if events is not None else []).append, images=36),
        starts_warm=starts_warm,
    )


def features() -> FrozenFeatures:
    return FrozenFeatures(tiny_backbone(), tiny_task().preprocessing)


@pytest.mark.parametrize(
    ("changes", "starts_warm", "folds"),
    [
        ({"folds": 2}, False, 2),
        ({"folds": None, "pooled_images": 30}, False, 3),  # of 12 validation images each
        ({"folds": None, "pooled_images": 30, "max_folds": 2}, False, 2),
        ({"folds": None, "pooled_images": 0}, False, 1),
        ({"folds": 2}, True, 1),
    ],
)
def test_folds_are_pooled_until_there_are_enough_images(
    tmp_path: Path, changes: dict[str, object], starts_warm: bool, folds: int
) -> None:
    config = tiny_config(flip=False, bf16=False, **changes)
    plan = planner_of(tmp_path, config, starts_warm=starts_warm).plan_everything(features())
    assert (plan.folds, plan.images, plan.flip) == (folds, 36, False)


def test_nothing_is_measured_before_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[str] = []

    def measure(name: str) -> bool:
        measured.append(name)
        return True

    monkeypatch.setattr(planner, "bf16_pays", lambda: measure("bf16"))
    monkeypatch.setattr(planner, "mirror_keeps_class", lambda *arguments: measure("flip"))
    made = planner_of(tmp_path, tiny_config(bf16=None, flip=None))
    assert measured == []
    plan = made.plan_everything(features())
    assert measured == ["bf16", "flip"]
    assert (plan.config.bf16, plan.flip) == (True, True)
    after_a_break = planner_of(tmp_path, tiny_config(bf16=None, flip=None))
    assert after_a_break.plan_everything(features()) == plan  # on another machine, say
    assert measured == ["bf16", "flip"]


def test_without_a_limit_no_plan_changes(tmp_path: Path) -> None:
    plan = WorkPlan(config=tiny_config(), folds=2, images=36, flip=True, depth=12)
    made = planner_of(tmp_path, plan.config)
    assert made.plan_students(plan) == made.plan_candidates(plan) == plan
    assert made.allows_candidate(3, plan, polish=True)
    assert made.time_report() is None


def test_the_work_is_counted_in_passes_of_the_teacher() -> None:
    config = tiny_config(teacher_lrs=(0.01, 0.05), teacher_cycles=(2,), retrain=replace(SCHEDULE, epochs=1))
    plan = WorkPlan(config=config, folds=2, images=36, flip=False, depth=12)
    teachers = 2 + 2 + 4  # epochs: two learning rates, a cycle twice as long
    search = 8 * 2 * 0.55 + 2 * 1 * 0.55  # eight cuts, two polished
    beside = 3 + 1 + 8 + 2  # one for each run
    assert plan.work(IN_PASSES) == pytest.approx(36 * 2 * (teachers + 2 * 1.2 + search + beside))
    assert replace(plan, config=replace(config, cut=3)).work(IN_PASSES, LONGEST) == pytest.approx(
        36 * 2 * (teachers + 2 * 1.2 + 4 * 2 * 0.55 + 4 * 0.55 + 3 + 1 + 4 + 4)  # of twelve blocks, three at a time
    )


def test_once_the_pace_is_known_work_is_counted_in_seconds() -> None:
    plan = WorkPlan(config=tiny_config(retrain=replace(SCHEDULE, epochs=1)), folds=1, images=36, flip=False, depth=12)
    search = (8 * 2 + 2) * (36 * 0.02 + 0.5)
    beside = (1 + 1 + 8 + 2) * 0.36
    seconds = 2 * (0.36 + 0.5) + 2 * (1.296 + 0.5) + search + beside
    assert plan.work(in_seconds(MEASURED)) == pytest.approx(seconds)


def test_what_takes_a_while_is_forecast_from_the_teachers_pace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner, "measure_teachers_throughput", lambda fold, scratch: TEACHER)
    config, fold = tiny_config(flip=False, bf16=False), cast(Fold, None)
    events: list[Event] = []
    made = planner_of(tmp_path, config, events)
    short = made.plan_everything(features())
    assert (made.plan_teachers(short, fold, tmp_path), events) == (short, [])
    long = replace(short, config=replace(config, teacher=replace(SCHEDULE, epochs=500)))
    assert made.plan_teachers(long, fold, tmp_path) == long
    (told,) = events
    assert told.fields["expected_seconds"] == [round(long.work(made.unit, search), 1) for search in (SHORTEST, LONGEST)]
    assert "it will take about 7 to 8 minutes" in str(told.fields["message"])
    assert made.unit == in_teachers_seconds(TEACHER)


def test_what_takes_long_is_forecast_from_the_pace_of_every_kind_of_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planner, "measure_teachers_throughput", lambda fold, scratch: TEACHER)
    monkeypatch.setattr(planner, "measure_throughputs", lambda fold, scratch, folds: MEASURED)
    config = tiny_config(flip=False, bf16=False, teacher=replace(SCHEDULE, epochs=1500))
    events: list[Event] = []
    made = planner_of(tmp_path, config, events)
    made.plan_teachers(made.plan_everything(features()), cast(Fold, None), tmp_path)
    assert made.unit == in_seconds(MEASURED)
    assert len(events) == 1
