from pathlib import Path

import pytest

from nettailor.bundle.bundle import decode
from nettailor.network.int8.quantised import quantised_network
from nettailor.network.student import Student
from tests.trainer.recipe.runs import Broken, seeded_backbone, tailored
from tests.trainer.tables import write_table
from tests.trainer.tiny import tiniest_config, tiny_config, tiny_task
from tests.trainer.tiny_geometry import NAME
from trainer.events import Event
from trainer.recipe import planner
from trainer.recipe.config import RecipeConfig
from trainer.recipe.result import Tailored
from trainer.training.data import evaluation_batches
from trainer.training.fit import correct_predictions


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tailored, list[Event]]:
    events: list[Event] = []
    return tailored(tmp_path_factory.mktemp("whole"), events.append), events


def test_the_bundle_is_what_was_measured(whole: tuple[Tailored, list[Event]]) -> None:
    result, _ = whole
    bundle = decode(result.bundle)
    assert bundle.manifest == result.manifest
    task = tiny_task()
    student = Student.from_bundle(seeded_backbone(), bundle)
    right = correct_predictions(student, evaluation_batches(task.test, task.preprocessing))
    assert result.manifest.metrics.student.test == pytest.approx(float(right.float().mean()), abs=1e-6)
    assert result.manifest.classes == task.classes


def test_every_point_can_run_in_int8_and_polished_ones_tell_what_that_costs(
    whole: tuple[Tailored, list[Event]],
) -> None:
    task = tiny_task()
    polished = {e.fields["k"] for e in whole[1] if e.kind == "candidate" and e.fields["polished"]}
    assert polished < {point.blocks_removed for point in whole[0].points}
    for point in whole[0].points:
        bundle = decode(point.bundle)
        assert (bundle.manifest.activation_ranges, bundle.manifest.format) == (True, "nettailor-bundle/2")
        assert bundle.manifest.proxy_dtype == "F16"  # what was measured above is read from the file
        low = quantised_network(seeded_backbone(), bundle)
        student = Student.from_bundle(seeded_backbone(), bundle)
        costs = bundle.manifest.metrics.int8
        assert (costs is not None) == (point.blocks_removed in polished or point.chosen)
        if costs is None:
            continue
        for split, cost in ((task.val, costs.validation), (task.test, costs.test)):
            assert cost is not None
            right = [
                float(correct_predictions(network, evaluation_batches(split, task.preprocessing)).float().mean())
                for network in (student, low)
            ]
            assert cost.lost == pytest.approx(right[0] - right[1], abs=1e-6)
            assert (cost.images, 0 <= cost.same <= 1) == (len(split), True)


def test_progress_never_goes_back_and_names_every_stage(whole: tuple[Tailored, list[Event]]) -> None:
    _, events = whole
    progress = [event.progress for event in events]
    assert progress == sorted(progress)
    stages = ["measure", "teacher", "student", "prune", "retrain", "select"]
    assert [e.stage for e in events if e.kind == "stage"] == stages
    epochs = [e for e in events if e.kind == "epoch"]
    assert {"loss", "accuracy", "epoch", "epochs", "seconds_left", "run"} <= set(epochs[-1].fields)
    assert "alphas" in epochs[-1].fields
    assert any(e.kind == "candidate" for e in events)


def test_the_front_marks_the_chosen_one(whole: tuple[Tailored, list[Event]]) -> None:
    front = whole[0].pareto_front
    assert [row["chosen"] for row in front].count(True) == 1
    chosen = next(row for row in front if row["chosen"])
    assert chosen["good"] == any(row["good"] for row in front)
    assert whole[0].manifest.recipe["within_target"] == chosen["good"]


def test_every_point_of_the_front_is_a_bundle_of_its_own(whole: tuple[Tailored, list[Event]]) -> None:
    result, events = whole
    task = tiny_task()
    assert [row["k"] for row in result.pareto_front] == [point.blocks_removed for point in result.points]
    assert [row["k"] for row in result.pareto_front] == sorted(
        {int(str(e.fields["k"])) for e in events if e.kind == "candidate"}
    )
    assert any(row["pareto"] for row in result.pareto_front)
    for row, point in zip(result.pareto_front, result.points, strict=True):
        bundle = decode(point.bundle)
        student = Student.from_bundle(seeded_backbone(), bundle)
        right = correct_predictions(student, evaluation_batches(task.test, task.preprocessing))
        assert row["test_accuracy"] == bundle.manifest.metrics.student.test
        assert row["test_accuracy"] == pytest.approx(float(right.float().mean()), abs=1e-6)
        assert point.evaluation.right.tolist() == right.tolist()
        assert point.evaluation.milliseconds > 0
        assert (row["digest"], row["size_bytes"]) == (bundle.digest, bundle.size_bytes)
        assert row["macs_removed"] == bundle.manifest.complexity.net_macs_removed
        assert row["accuracy"] == bundle.manifest.metrics.student.validation
        assert bundle.manifest.metrics.teacher == result.manifest.metrics.teacher
        assert (point.bundle == result.bundle) == row["chosen"]


def test_a_candidate_tells_what_it_would_be_as_a_version(whole: tuple[Tailored, list[Event]]) -> None:
    result, events = whole
    told = [event.fields for event in events if event.kind == "candidate"]
    rows = {row["k"]: row for row in result.pareto_front}
    search = result.manifest.recipe["teacher_search"]
    for fields in {fields["k"]: fields for fields in told}.values():  # one that was polished is told of twice
        shown = rows[fields["k"]]
        for name in ("accuracy", "cost", "macs_removed", "params_removed", "good"):
            assert fields[name] == shown[name], name
        assert fields["teacher_accuracy"] == max(search["accuracy"], search["features"])
    assert told[0]["best"] == told[0]["k"]
    assert rows[told[-1]["best"]]["chosen"]


def test_the_history_has_every_run(whole: tuple[Tailored, list[Event]]) -> None:
    result, events = whole
    runs = {f"fold0/{e.fields['run']}" for e in events if e.kind == "epoch"}
    assert set(result.history) == runs
    for name, epochs in result.history.items():
        assert [epoch.number for epoch in epochs] == [1, 2], name
        assert "loss" in epochs[0].losses
        assert epochs[-1].accuracy is not None
        assert epochs[0].seconds > 0


def test_a_tailoring_broken_off_in_every_stage_ends_with_the_same_bundle(
    tmp_path: Path, whole: tuple[Tailored, list[Event]]
) -> None:
    for stage in ("teacher", "student", "retrain"):

        def die(event: Event, stage: str = stage) -> None:
            if event.kind == "epoch" and event.stage == stage:
                raise Broken

        with pytest.raises(Broken):
            tailored(tmp_path, die)
    again = tailored(tmp_path)
    assert again.bundle == whole[0].bundle
    assert [point.bundle for point in again.points] == [point.bundle for point in whole[0].points]
    assert {name: len(epochs) for name, epochs in again.history.items()} == dict.fromkeys(whole[0].history, 2)


def test_another_seed_gives_another_bundle(tmp_path: Path, whole: tuple[Tailored, list[Event]]) -> None:
    assert tailored(tmp_path, config=tiny_config(seed=1)).bundle != whole[0].bundle


def test_options_of_the_student(tmp_path: Path) -> None:
    config = tiniest_config(statistics="frozen", measure="params", loss="paper", skips=2)
    manifest = decode(tailored(tmp_path, config=config).bundle).manifest
    assert manifest.statistics == "frozen"
    assert manifest.recipe["pooled_folds"] == 1
    assert {name: manifest.recipe[name] for name in ("loss", "measure", "skips")} == {
        "loss": "paper",
        "measure": "params",
        "skips": 2,
    }


def test_small_validation_splits_are_pooled_over_folds(tmp_path: Path) -> None:
    config = tiniest_config(folds=None, pooled_images=20, max_folds=5)
    manifest = decode(tailored(tmp_path, config=config).bundle).manifest
    assert manifest.recipe["pooled_folds"] == 2
    assert (manifest.statistics, manifest.recipe["loss"]) == ("task", "logits")


@pytest.mark.parametrize(("limit", "fits"), [(0.8, True), pytest.param(0.001, False, marks=pytest.mark.nightly)])
def test_within_a_budget_of_macs(tmp_path: Path, limit: float, fits: bool) -> None:
    result = tailored(tmp_path, config=tiniest_config(max_macs=limit))
    rows = {row["k"]: row for row in result.pareto_front}
    needed = {k: 1 - float(row["macs_removed"]) for k, row in rows.items()}  # type: ignore[arg-type]  # a number
    assert {k: row["good"] for k, row in rows.items()} == {k: macs <= limit for k, macs in needed.items()}
    (chosen,) = (k for k, row in rows.items() if row["chosen"])
    assert (needed[chosen] <= limit) == fits
    assert result.manifest.recipe["within_target"] == fits
    assert result.manifest.recipe["max_macs"] == limit
    if fits:
        assert rows[chosen]["accuracy"] == max(row["accuracy"] for row in rows.values() if row["good"])  # type: ignore[type-var]  # numbers
    else:
        assert needed[chosen] == min(needed.values())


def test_within_a_budget_of_milliseconds(tmp_path: Path) -> None:
    table = write_table(tmp_path / "costs.json", backbone=NAME, block=1.0, proxy=0.01)
    result = tailored(tmp_path, config=tiniest_config(max_latency_ms=3.5, latency_table=table))
    (chosen,) = (row for row in result.pareto_front if row["chosen"])
    plan = result.manifest.plan
    milliseconds = 1.0 + sum(plan.blocks) + 0.01 * len(list(plan.proxy_paths()))
    assert chosen["milliseconds"] == pytest.approx(milliseconds)
    assert milliseconds <= 3.5
    assert any(float(row["milliseconds"]) > 3.5 for row in result.pareto_front)  # type: ignore[arg-type]  # a number
    assert result.manifest.recipe["cost_table"] is None  # complexity still counts MACs


def test_unusable_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="skips"):
        RecipeConfig(skips=0)
    with pytest.raises(ValueError, match="teacher_lrs"):
        RecipeConfig(teacher_lrs=())
    with pytest.raises(ValueError, match="target_drop"):
        RecipeConfig(target_drop=1.5)
    assert RecipeConfig.preset("thorough", seed=3).seed == 3


def test_whether_bf16_pays_is_decided_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another measurement after a break must not change how the rest is trained."""

    def die(event: Event) -> None:
        if event.kind == "epoch":
            raise Broken

    config = tiniest_config(method="batchnorm", bf16=None, method_lrs=(0.1,))
    monkeypatch.setattr(planner, "bf16_pays", lambda: True)
    with pytest.raises(Broken):
        tailored(tmp_path, die, config=config)
    monkeypatch.setattr(planner, "bf16_pays", lambda: False)
    assert tailored(tmp_path, config=config).manifest.recipe["bf16"] is True


def test_the_manifest_tells_the_search_for_the_teacher_and_the_gap(whole: tuple[Tailored, list[Event]]) -> None:
    result, events = whole
    (told,) = (e.fields["teacher_search"] for e in events if e.kind == "stage" and e.stage == "student")
    for point in result.points:
        metrics, recipe = point.manifest.metrics, point.manifest.recipe
        search = recipe["teacher_search"]
        assert {name: value for name, value in search.items() if name != "features_test"} == told
        assert search["chosen"] in search["tried"]
        assert {"features"} < set(search["tried"])
        assert metrics.teacher.validation == pytest.approx(search["tried"][search["chosen"]])
        best = max(search["accuracy"], search["features"])
        assert recipe["gap"] == pytest.approx((metrics.student.validation or 0) - best)
        best_test = max(metrics.teacher.test or 0, search["features_test"])
        assert recipe["test_gap"] == pytest.approx((metrics.student.test or 0) - best_test)
