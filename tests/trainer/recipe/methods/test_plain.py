from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from nettailor.architecture.plan import full_plan
from nettailor.bundle.bundle import decode, encode
from nettailor.bundle.manifest import ADAPTER_METHODS, Accuracy, AdapterMethod, Method
from nettailor.network.student import Student
from tests.bundles import random_manifest
from tests.nettailor.network.students import adapted_looking
from tests.trainer.recipe.runs import Broken, fold_in, seeded_backbone, tailored
from tests.trainer.tiny import tiny_config, tiny_task
from tests.trainer.tiny_geometry import NAME
from trainer.errors import TimeTooShort
from trainer.events import Event
from trainer.recipe.config import RecipeConfig
from trainer.recipe.methods.plain_networks import plain_network, trained_plain
from trainer.recipe.pipeline import tailor_data
from trainer.recipe.result import Tailored
from trainer.recipe.timing.early_finish import FinishRequest
from trainer.recipe.warm_start import WarmStart, start_from
from trainer.training.data import evaluation_batches
from trainer.training.fit import correct_predictions

LRS = (0.01, 0.05)


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tailored, list[Event]]:
    events: list[Event] = []
    config = tiny_config(method="features", folds=2)
    return tailored(tmp_path_factory.mktemp("features"), events.append, config), events


@pytest.fixture(scope="module")
def batchnorm(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tailored, list[Event]]:
    events: list[Event] = []
    config = tiny_config(method="batchnorm", method_lrs=LRS)
    return tailored(tmp_path_factory.mktemp("batchnorm"), events.append, config), events


def assert_is_what_was_measured(result: Tailored) -> None:
    bundle, task = decode(result.bundle), tiny_task()
    student = Student.from_bundle(seeded_backbone(), bundle)
    right = correct_predictions(student, evaluation_batches(task.test, task.preprocessing))
    assert bundle.manifest.metrics.student.test == pytest.approx(float(right.float().mean()), abs=1e-6)
    assert bundle.manifest.plan == full_plan(seeded_backbone().depth, 0)
    assert bundle.manifest.metrics.teacher == Accuracy()


def test_features_are_a_classifier_on_the_backbone_as_it_is(features: tuple[Tailored, list[Event]]) -> None:
    result, events = features
    assert_is_what_was_measured(result)
    assert (result.manifest.method, result.manifest.statistics) == ("features", "frozen")
    assert {name.partition(".")[0] for name in decode(result.bundle).tensors} == {"alphas", "head", "ranges"}
    assert [e.stage for e in events if e.kind == "stage"] == ["measure", "student", "select"]
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


def test_batchnorm_has_statistics_of_its_own_and_a_classifier(batchnorm: tuple[Tailored, list[Event]]) -> None:
    result, events = batchnorm
    assert_is_what_was_measured(result)
    assert (result.manifest.method, result.manifest.statistics) == ("batchnorm", "task")
    assert {name.partition(".")[0] for name in decode(result.bundle).tensors} == {
        "alphas",
        "head",
        "ranges",
        "statistics",
    }
    assert [e.stage for e in events if e.kind == "stage"] == ["measure", "student", "select"]
    assert {e.fields["run"] for e in events if e.kind == "epoch"} == {"batchnorm-lr0.01", "batchnorm-lr0.05"}
    assert set(result.history) == {"fold0/batchnorm-lr0.01", "fold0/batchnorm-lr0.05"}
    progress = [event.progress for event in events]
    assert progress == sorted(progress)


def test_batchnorm_is_held_against_the_features(batchnorm: tuple[Tailored, list[Event]]) -> None:
    manifest = batchnorm[0].manifest
    validation, test = manifest.metrics.student.validation, manifest.metrics.student.test
    search = manifest.recipe["teacher_search"]
    assert validation is not None
    assert test is not None
    assert (manifest.recipe["gap"], manifest.recipe["test_gap"]) == (
        validation - search["features"],
        test - search["features_test"],
    )
    assert (manifest.recipe["student"]["epochs"], manifest.recipe["method_lrs"]) == (2, list(LRS))
    assert not {"gamma1", "skips", "retrain", "teacher"} & manifest.recipe.keys()


def test_batchnorm_of_statistics_alone_trains_nothing_but_a_classifier(tmp_path: Path) -> None:
    events: list[Event] = []
    before = seeded_backbone()
    result = tailored(tmp_path, events.append, tiny_config(method="batchnorm", adapts=False))
    assert_is_what_was_measured(result)
    assert not any(e.kind == "epoch" for e in events)
    assert result.manifest.recipe["adapts"] is False
    mean = before.state_dict()["blocks.0.branch.1.running_mean"].numpy()
    assert not np.allclose(decode(result.bundle).tensors["statistics.1.branch.1.mean"], mean)


def test_training_that_does_harm_is_left_out(tmp_path: Path) -> None:
    result = tailored(tmp_path, config=tiny_config(method="batchnorm", method_lrs=(1e-9,)))
    assert result.manifest.recipe["adapts"] is False


def test_a_broken_off_batchnorm_ends_with_the_same_bundle(
    tmp_path: Path, batchnorm: tuple[Tailored, list[Event]]
) -> None:
    def die(event: Event) -> None:
        if event.kind == "epoch":
            raise Broken

    config = tiny_config(method="batchnorm", method_lrs=LRS)
    with pytest.raises(Broken):
        tailored(tmp_path, die, config)
    assert tailored(tmp_path, config=config).bundle == batchnorm[0].bundle


@pytest.mark.parametrize("method", ADAPTER_METHODS)
def test_adapters_are_trained_and_chosen_as_batchnorm_is(tmp_path: Path, method: AdapterMethod) -> None:
    events: list[Event] = []
    result = tailored(tmp_path, events.append, tiny_config(method=method, method_lrs=LRS))
    assert_is_what_was_measured(result)
    manifest, tensors = result.manifest, decode(result.bundle).tensors
    assert (manifest.method, manifest.statistics) == (method, "task")
    assert {name.partition(".")[0] for name in tensors} == {"alphas", "head", "ranges", "statistics", "adapters"}
    assert manifest.complexity.task_params == sum(
        tensor.size for name, tensor in tensors.items() if not name.startswith("ranges.")
    )
    assert set(result.history) == {"fold0/adapters-lr0.01", "fold0/adapters-lr0.05"}
    (row,) = result.pareto_front
    assert 1.0 < 1 - float(str(row["macs_removed"])) < 1.2


@pytest.mark.parametrize("method", ADAPTER_METHODS)
def test_adapters_learn(tmp_path: Path, method: AdapterMethod) -> None:
    fold = replace(fold_in(tmp_path), config=tiny_config(method=method))
    start = plain_network(fold)
    trained = trained_plain(fold, start, 0.05)
    before, after = start.bundle_tensors(), trained.bundle_tensors()
    own = [name for name in after if name.startswith(("adapters.", "head.")) and "running" not in name]
    assert not [name for name in own if np.array_equal(before[name], after[name])]
    learned = {name for name, parameter in trained.named_parameters() if parameter.requires_grad}
    assert any(name.endswith(".log_gain") for name in learned) == (method != "dan")


def test_a_broken_off_adapter_ends_with_the_same_bundle(tmp_path: Path) -> None:
    def die(event: Event) -> None:
        if event.kind == "epoch":
            raise Broken

    config = tiny_config(method="dan", method_lrs=(0.05,))
    with pytest.raises(Broken):
        tailored(tmp_path / "broken", die, config)
    assert tailored(tmp_path / "broken", config=config).bundle == tailored(tmp_path / "whole", config=config).bundle


def asking_in(run: str) -> tuple[Callable[[Event], None], Callable[[], FinishRequest | None]]:
    """Somebody asks for the best so far after the first epoch of the run."""
    found: list[FinishRequest] = []
    measured: list[int] = []

    def report(event: Event) -> None:
        if event.kind == "candidate":
            measured.append(int(str(event.fields["k"])))
        if event.kind == "epoch" and event.fields["run"] == run and not found:
            found.append(FinishRequest(by="ada", at="2026-11-29T12:00:00.000+00:00", candidates=tuple(measured)))

    return report, lambda: found[0] if found else None


def test_ended_early_it_is_the_best_so_far(tmp_path: Path, batchnorm: tuple[Tailored, list[Event]]) -> None:
    config = tiny_config(method="batchnorm", method_lrs=LRS)
    report, asked = asking_in("batchnorm-lr0.05")
    result = tailored(tmp_path / "whole", report, config, finish=asked)
    assert result.finished_early is not None
    early = {name: result.finished_early[name] for name in ("candidates", "skipped", "rate")}
    assert early == {"candidates": [0, 1], "skipped": 2, "rate": 0.05}
    assert result.manifest.recipe["finished_early"] is True
    assert set(result.history) == {"fold0/batchnorm-lr0.01"}

    def die(event: Event) -> None:
        report(event)
        if event.kind == "stage" and event.stage == "select":
            raise Broken

    report, asked = asking_in("batchnorm-lr0.05")
    with pytest.raises(Broken):
        tailored(tmp_path / "broken", die, config, finish=asked)
    assert tailored(tmp_path / "broken", config=config, finish=asked).bundle == result.bundle


def test_candidates_are_told_as_they_come(batchnorm: tuple[Tailored, list[Event]]) -> None:
    told = [event.fields for event in batchnorm[1] if event.kind == "candidate"]
    assert [(fields["k"], fields["rate"]) for fields in told] == [(0, None), (1, LRS[0]), (2, LRS[1])]
    assert all(fields["best"] in range(number + 1) for number, fields in enumerate(told))


def test_with_time_enough_nothing_is_changed(tmp_path: Path, batchnorm: tuple[Tailored, list[Event]]) -> None:
    config = tiny_config(method="batchnorm", method_lrs=LRS, max_minutes=30, bf16=batchnorm[0].manifest.recipe["bf16"])
    result = tailored(tmp_path, config=config)
    tensors, expected = decode(result.bundle).tensors, decode(batchnorm[0].bundle).tensors
    assert all(np.array_equal(tensors[name], expected[name]) for name in expected)
    assert result.time is not None
    assert result.manifest.recipe["max_minutes"] == 30


@pytest.mark.parametrize("method", ["features", "dan"])
def test_no_time_at_all_is_refused(tmp_path: Path, method: Method) -> None:
    with pytest.raises(TimeTooShort, match="max_minutes is 1e-06"):
        tailored(tmp_path, config=tiny_config(method=method, max_minutes=1e-6))


@pytest.mark.parametrize("method", ["batchnorm", "parallel-adapters", "series-adapters"])
def test_started_warm_it_goes_on_where_the_earlier_version_ended(tmp_path: Path, method: Method) -> None:
    """In the mode of training as well: what was learned of the statistics is told apart from those of the images. Those
    of a series adapter's own batch-norm, here random ones, follow the images."""
    config = tiny_config(method=method, statistics="task")
    first = replace(fold_in(tmp_path / "first"), config=config)
    earlier = adapted_looking(plain_network(first))
    fingerprint = first.backbone.fingerprint()
    manifest = random_manifest(backbone=NAME, fingerprint=fingerprint, plan=earlier.plan, classes=3, method=method)
    bundle = decode(encode(manifest, earlier.bundle_tensors()))
    warm = partial(start_from, bundle=bundle, classes=manifest.classes)
    network = plain_network(replace(fold_in(tmp_path / "second"), config=config, warm=warm))
    batch = next(evaluation_batches(first.train, first.preprocessing))[0]
    with torch.no_grad():
        expected = Student.from_bundle(first.backbone, bundle)(batch)
        torch.testing.assert_close(network(batch), expected, rtol=1e-3, atol=1e-3)
        if method != "series-adapters":
            torch.testing.assert_close(network.train()(batch), expected, rtol=1e-2, atol=1e-2)


def test_a_warm_start_is_told(tmp_path: Path, batchnorm: tuple[Tailored, list[Event]]) -> None:
    bundle = decode(batchnorm[0].bundle)
    result = tailor_data(
        "colours",
        tiny_task(),
        tiny_config(method="batchnorm", method_lrs=LRS, folds=3),
        backbone=seeded_backbone(),
        report=lambda event: None,
        checkpoints=tmp_path,
        warm=WarmStart(version=1, bundle=bundle, trained_on=None, chosen_by=None),
    )
    assert_is_what_was_measured(result)
    assert (result.manifest.recipe["warm_start"], result.manifest.recipe["pooled_folds"]) == (bundle.digest, 1)


def test_only_pruning_meets_a_budget() -> None:
    with pytest.raises(ValueError, match="method features"):
        RecipeConfig(method="features", max_macs=0.5)
