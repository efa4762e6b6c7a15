from pathlib import Path

import numpy as np
import pytest

from nettailor.bundle.bundle import decode
from nettailor.bundle.manifest import Accuracy
from nettailor.complexity.counting import backbone_cost
from nettailor.network.whole_network import network_of
from tests.trainer.recipe.runs import Broken, seeded_backbone, tailored
from tests.trainer.tiny import tiny_config, tiny_task
from trainer.events import Event
from trainer.recipe.config import RecipeConfig
from trainer.recipe.result import Tailored
from trainer.training.data import evaluation_batches
from trainer.training.fit import correct_predictions

CONFIG = tiny_config(method="finetuning", method_lrs=(0.01, 0.05))


@pytest.fixture(scope="module")
def finetuning(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tailored, list[Event]]:
    events: list[Event] = []
    return tailored(tmp_path_factory.mktemp("finetuning"), events.append, CONFIG), events


def test_what_is_published_is_the_network_that_was_measured(finetuning: tuple[Tailored, list[Event]]) -> None:
    bundle, task = decode(finetuning[0].bundle), tiny_task()
    network = network_of(seeded_backbone(), bundle)
    right = correct_predictions(network, evaluation_batches(task.test, task.preprocessing))
    assert bundle.manifest.metrics.student.test == pytest.approx(float(right.float().mean()), abs=1e-6)
    assert bundle.manifest.metrics.teacher == Accuracy()
    assert (bundle.manifest.method, bundle.manifest.statistics) == ("finetuning", "task")


def test_every_weight_is_the_task_s_own(finetuning: tuple[Tailored, list[Event]]) -> None:
    tensors, before = decode(finetuning[0].bundle).tensors, seeded_backbone().state_dict()
    for name in ("stem.0.weight", "stem.1.running_mean", "blocks.0.branch.0.weight", "blocks.5.branch.4.bias"):
        assert not np.array_equal(tensors[f"network.{name}"], before[name].numpy()), name


def test_the_search_is_that_for_a_teacher(finetuning: tuple[Tailored, list[Event]]) -> None:
    result, events = finetuning
    assert [e.stage for e in events if e.kind == "stage"] == ["measure", "teacher", "select"]
    assert set(result.history) == {"fold0/teacher-lr0.01-e2", "fold0/teacher-lr0.05-e2"}
    recipe, student = result.manifest.recipe, result.manifest.metrics.student
    search = recipe["teacher_search"]
    assert search["chosen"] in search["tried"]
    assert {"lr0.01-e2", "lr0.05-e2"} == search["tried"].keys()
    assert student.validation == pytest.approx(recipe["gap"] + search["features"])
    assert student.test == pytest.approx(recipe["test_gap"] + search["features_test"])
    assert (recipe["method_lrs"], recipe["teacher"]["epochs"]) == ([0.01, 0.05], 2)
    assert not {"gamma1", "skips", "retrain", "statistics"} & recipe.keys()


def test_it_costs_a_whole_network(finetuning: tuple[Tailored, list[Event]]) -> None:
    complexity, whole = finetuning[0].manifest.complexity, backbone_cost(seeded_backbone().geometry, 16)
    assert (complexity.macs, complexity.params) == (whole.macs + 64 * 3, whole.params + 65 * 3)
    assert (complexity.shared_macs_kept, complexity.shared_params_kept) == (0, 0)


def test_a_broken_off_one_ends_with_the_same_bundle(tmp_path: Path, finetuning: tuple[Tailored, list[Event]]) -> None:
    def die(event: Event) -> None:
        if event.kind == "epoch":
            raise Broken

    with pytest.raises(Broken):
        tailored(tmp_path, die, CONFIG)
    assert tailored(tmp_path, config=CONFIG).bundle == finetuning[0].bundle


def test_rates_are_the_method_s_own_and_fast_tries_the_middle_one() -> None:
    assert RecipeConfig.preset("balanced", method="finetuning").rates == (0.006, 0.02, 0.05)
    assert RecipeConfig.preset("fast", method="finetuning").rates == (0.02,)
    assert RecipeConfig.preset("fast", method="batchnorm").rates == (0.1,)
    assert RecipeConfig.preset("fast", method="finetuning", method_lrs=(0.3, 0.4)).rates == (0.3, 0.4)
