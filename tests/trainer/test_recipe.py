from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from nettailor.backbones import Backbone, build_backbone
from nettailor.bundle import decode
from nettailor.student import Student
from tests.trainer.tiny import tiny_config, tiny_task
from trainer.data import evaluation_batches
from trainer.events import Event
from trainer.fitting import correct_predictions
from trainer.recipe import RecipeConfig, Tailored, tailor_data


class Broken(Exception):
    """The process "dies" here."""


def backbone() -> Backbone:
    torch.manual_seed(0)
    return build_backbone("mini26")


def tailored(
    checkpoints: Path, report: Callable[[Event], None] = lambda event: None, config: RecipeConfig | None = None
) -> Tailored:
    config = config or tiny_config()
    return tailor_data("colours", tiny_task(), config, backbone=backbone(), report=report, checkpoints=checkpoints)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tailored, list[Event]]:
    events: list[Event] = []
    return tailored(tmp_path_factory.mktemp("whole"), events.append), events


def test_the_bundle_is_what_was_measured(whole: tuple[Tailored, list[Event]]) -> None:
    result, _ = whole
    bundle = decode(result.bundle)
    assert bundle.manifest == result.manifest
    task = tiny_task()
    student = Student.from_bundle(backbone(), bundle)
    right = correct_predictions(student, evaluation_batches(task.test, task.preprocessing))
    assert result.manifest.metrics.student.test == pytest.approx(float(right.float().mean()), abs=1e-6)
    assert result.manifest.classes == task.classes


def test_progress_never_goes_back_and_names_every_stage(whole: tuple[Tailored, list[Event]]) -> None:
    _, events = whole
    progress = [event.progress for event in events]
    assert progress == sorted(progress)
    assert [e.stage for e in events if e.kind == "stage"] == ["teacher", "student", "prune", "retrain", "select"]
    epochs = [e for e in events if e.kind == "epoch"]
    assert {"loss", "accuracy", "epoch", "epochs", "seconds_left", "run"} <= set(epochs[-1].fields)
    assert "alphas" in epochs[-1].fields
    assert any(e.kind == "candidate" for e in events)


def test_the_front_marks_the_chosen_one(whole: tuple[Tailored, list[Event]]) -> None:
    front = whole[0].front
    assert [row["chosen"] for row in front].count(True) == 1
    chosen = next(row for row in front if row["chosen"])
    assert chosen["good"] == any(row["good"] for row in front)
    assert whole[0].manifest.recipe["within_target"] == chosen["good"]


@pytest.mark.parametrize("stage", ["teacher", "student", "retrain"])
def test_a_broken_off_tailoring_ends_with_the_same_bundle(
    tmp_path: Path, whole: tuple[Tailored, list[Event]], stage: str
) -> None:
    def die(event: Event) -> None:
        if event.kind == "epoch" and event.stage == stage:
            raise Broken

    with pytest.raises(Broken):
        tailored(tmp_path, die)
    assert tailored(tmp_path).bundle == whole[0].bundle


def test_another_seed_gives_another_bundle(tmp_path: Path, whole: tuple[Tailored, list[Event]]) -> None:
    assert tailored(tmp_path, config=tiny_config(seed=1)).bundle != whole[0].bundle


@pytest.mark.parametrize("options", [{"statistics": "frozen"}, {"skips": 1, "folds": 2}, {"measure": "params"}])
def test_options(tmp_path: Path, options: dict[str, object]) -> None:
    manifest = decode(tailored(tmp_path, config=tiny_config(**options)).bundle).manifest
    assert manifest.statistics == options.get("statistics", "task")
    assert manifest.recipe["pooled_folds"] == options.get("folds", 1)


def test_small_validation_splits_are_pooled_over_folds(tmp_path: Path) -> None:
    config = tiny_config(folds=None, pooled_images=30, max_folds=5)
    assert decode(tailored(tmp_path, config=config).bundle).manifest.recipe["pooled_folds"] == 3


def test_unusable_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="skips"):
        RecipeConfig(skips=0)
    with pytest.raises(ValueError, match="target_drop"):
        RecipeConfig(target_drop=1.5)
    assert RecipeConfig.preset("thorough", seed=3).seed == 3
