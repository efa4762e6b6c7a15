from pathlib import Path

import pytest

from nettailor.architecture.plan import full_plan
from nettailor.bundle.bundle import decode
from nettailor.bundle.manifest import Accuracy
from nettailor.network.student import Student
from tests.trainer.recipe.runs import seeded_backbone, tailored
from tests.trainer.tiny import tiny_config, tiny_task
from trainer.events import Event
from trainer.recipe.config import RecipeConfig
from trainer.recipe.result import Tailored
from trainer.training.data import evaluation_batches
from trainer.training.fit import correct_predictions


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tailored, list[Event]]:
    events: list[Event] = []
    config = tiny_config(method="features", folds=2)
    return tailored(tmp_path_factory.mktemp("features"), events.append, config), events


def assert_is_what_was_measured(result: Tailored) -> None:
    bundle, task = decode(result.bundle), tiny_task()
    student = Student.from_bundle(seeded_backbone(), bundle)
    right = correct_predictions(student, evaluation_batches(task.test, task.preprocessing))
    assert bundle.manifest.metrics.student.test == pytest.approx(float(right.float().mean()), abs=1e-6)
    assert bundle.manifest.plan == full_plan(12, 0)
    assert bundle.manifest.metrics.teacher == Accuracy()


def test_features_are_a_classifier_on_the_backbone_as_it_is(features: tuple[Tailored, list[Event]]) -> None:
    result, events = features
    assert_is_what_was_measured(result)
    assert (result.manifest.method, result.manifest.statistics) == ("features", "frozen")
    assert {name.partition(".")[0] for name in decode(result.bundle).tensors} == {"alphas", "head"}
    assert [e.stage for e in events if e.kind == "stage"] == ["student", "select"]
    assert not any(e.kind == "epoch" for e in events)


def test_features_are_their_own_yardstick(features: tuple[Tailored, list[Event]]) -> None:
    manifest = features[0].manifest
    search = manifest.recipe["teacher_search"]
    assert (search["chosen"], search["features"]) == ("features", manifest.metrics.student.validation)
    assert search["features_test"] == manifest.metrics.student.test
    assert (manifest.recipe["gap"], manifest.recipe["test_gap"]) == (0.0, 0.0)
    assert (manifest.recipe["pooled_folds"], manifest.recipe["flipped"]) == (2, False)
    assert not {"gamma1", "skips", "retrain", "statistics"} & manifest.recipe.keys()


def test_features_are_the_same_every_time(features: tuple[Tailored, list[Event]], tmp_path: Path) -> None:
    assert tailored(tmp_path, config=tiny_config(method="features", folds=2)).bundle == features[0].bundle


def test_only_pruning_meets_a_budget() -> None:
    with pytest.raises(ValueError, match="method features"):
        RecipeConfig(method="features", max_macs=0.5)
