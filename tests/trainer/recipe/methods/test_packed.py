"""Tasks that fill a pruned backbone one after another."""

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nettailor.bundle.bundle import Bundle, decode, encode
from nettailor.complexity.counting import backbone_cost
from nettailor.network.backbones import Backbone
from nettailor.network.packnet.student import PackedStudent, what_is_there
from nettailor.network.whole_network import network_of
from tests.bundles import random_manifest
from tests.trainer.recipe.runs import Broken, fold_in, seeded_backbone
from tests.trainer.tiny import tiny_config, tiny_task
from tests.trainer.tiny_geometry import NAME
from trainer.errors import BackboneNotPruned, NoWeightsLeft
from trainer.events import Event
from trainer.pretrain.pruning import Zeros
from trainer.recipe.methods import packed
from trainer.recipe.methods.plain_networks import plain_network, trained_plain
from trainer.recipe.pipeline import tailor_data
from trainer.recipe.result import Tailored
from trainer.recipe.teachers.contest import Contest
from trainer.training.data import evaluation_batches
from trainer.training.fit import correct_predictions

CONFIG = tiny_config(method="packnet", method_lrs=(0.05,))


def pruned_backbone() -> Backbone:
    backbone = seeded_backbone()
    Zeros(backbone, 0.5)
    return backbone


def last(contest: Contest) -> int:
    """The one that was trained: features tell the tiny task's classes apart without an error, and would win."""
    return len(contest.right) - 1


def tailored(
    folder: Path, chain: tuple[Bundle, ...] = (), report: Callable[[Event], None] = lambda event: None
) -> Tailored:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Contest, "winner", last)
        return tailor_data(
            "colours",
            tiny_task(),
            CONFIG,
            backbone=pruned_backbone(),
            report=report,
            checkpoints=folder,
            chain=chain,
        )


@functools.cache
def first() -> Bundle:
    """That another task published."""
    student = PackedStudent(pruned_backbone(), classes=3)
    student.take_free()
    student.prune(0.25)
    return packed_bundle(student)


def packed_bundle(student: PackedStudent) -> Bundle:
    made = random_manifest(
        task="birds", backbone=NAME, fingerprint=pruned_backbone().fingerprint(), classes=3, method="packnet"
    )
    manifest = made.model_copy(update={"owned": student.owned})
    return decode(encode(manifest, student.bundle_tensors()))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Tailored:
    return tailored(tmp_path_factory.mktemp("packnet"), (first(),))


def test_what_is_published_is_the_network_that_was_measured(trained: Tailored) -> None:
    bundle, task = replace(decode(trained.bundle), chain=(first(),)), tiny_task()
    network = network_of(pruned_backbone(), bundle)
    right = correct_predictions(network, evaluation_batches(task.test, task.preprocessing))
    assert bundle.manifest.metrics.student.test == pytest.approx(float(right.float().mean()), abs=1e-6)
    assert (bundle.manifest.method, bundle.manifest.statistics) == ("packnet", "frozen")
    assert bundle.manifest.predecessor == first().digest
    assert bundle.manifest.owned == bundle.tensors["values"].size > 10_000
    assert bundle.manifest.recipe["chain"] == ["birds"]
    assert set(trained.history) == {"fold0/weights-lr0.05", "fold0/weights-lr0.05-retrain"}


def test_a_task_keeps_a_quarter_of_what_was_free_and_trains_nothing_else(tmp_path: Path) -> None:
    backbone = pruned_backbone()
    fold = replace(fold_in(tmp_path / "fold0"), config=CONFIG, backbone=backbone, chain=(first(),))
    start = plain_network(fold)
    network = trained_plain(fold, start, 0.05)
    assert start.owned == 0
    assert network.owned == pytest.approx(0.25 * 0.75 * 0.5 * 173_312, rel=1e-3)
    values = network.bundle_tensors()["values"]
    assert np.count_nonzero(values) > 0.9 * values.size
    for name, tensor in pruned_backbone().state_dict().items():
        np.testing.assert_array_equal(tensor, backbone.state_dict()[name], err_msg=name)


def test_weights_of_a_task_count_once(trained: Tailored) -> None:
    manifest, whole = trained.manifest, backbone_cost(seeded_backbone().geometry, 16)
    assert manifest.complexity.params == whole.params + 173_312 // 32 + 6 + 65 * 3
    assert (manifest.complexity.macs, manifest.complexity.shared_macs_kept) == (whole.macs + 64 * 3, 0)
    assert manifest.complexity.shared_params_removed == manifest.owned


def test_a_broken_off_one_ends_with_the_same_bundle(tmp_path: Path, trained: Tailored) -> None:
    """Within the first training, and between it and the retraining."""
    for run in ("weights-lr0.05", "weights-lr0.05-retrain"):

        def die(event: Event, run: str = run) -> None:
            if event.kind == "epoch" and event.fields["run"] == run:
                raise Broken

        with pytest.raises(Broken):
            tailored(tmp_path, (first(),), die)
    assert tailored(tmp_path, (first(),)).bundle == trained.bundle


def test_a_backbone_that_was_not_pruned_is_refused_with_the_command_that_prunes_one() -> None:
    with pytest.raises(BackboneNotPruned, match=r"trainer\.pretrain --prune 0\.5"):
        packed.check_free(seeded_backbone(), ())


def test_a_chain_that_is_full_is_refused_with_its_tasks() -> None:
    student = PackedStudent(pruned_backbone(), classes=3)
    student.take_free()
    student.prune(0.99)
    packed.check_free(pruned_backbone(), (first(),))
    with pytest.raises(NoWeightsLeft, match=r"birds have left 0.50% of the weights free"):
        packed.check_free(pruned_backbone(), (packed_bundle(student),))
    assert what_is_there(pruned_backbone(), ()).free_share == pytest.approx(0.5, abs=1e-3)
