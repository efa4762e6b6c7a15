from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nettailor.bundle.bundle import decode, encode
from nettailor.bundle.tensors.masks import masked_weights
from nettailor.complexity.counting import backbone_cost
from nettailor.network.masked import MaskedStudent
from nettailor.network.whole_network import network_of
from tests.bundles import random_manifest
from tests.trainer.recipe.runs import Broken, fold_in, seeded_backbone, tailored
from tests.trainer.tiny import tiny_config, tiny_task
from tests.trainer.tiny_geometry import NAME
from trainer.events import Event
from trainer.recipe.methods.plain_networks import plain_network, trained_plain
from trainer.recipe.result import Tailored
from trainer.recipe.warm_start import start_from
from trainer.training.data import evaluation_batches
from trainer.training.fit import correct_predictions

CONFIG = tiny_config(method="piggyback", method_lrs=(0.5,))  # its scores learn by a hundredth of that


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Tailored]:
    folder = tmp_path_factory.mktemp("piggyback")
    return folder, tailored(folder, config=CONFIG)


def test_what_is_published_is_the_network_that_was_measured(trained: tuple[Path, Tailored]) -> None:
    bundle, task = decode(trained[1].bundle), tiny_task()
    network = network_of(seeded_backbone(), bundle)
    right = correct_predictions(network, evaluation_batches(task.test, task.preprocessing))
    assert bundle.manifest.metrics.student.test == pytest.approx(float(right.float().mean()), abs=1e-6)
    assert (bundle.manifest.method, bundle.manifest.statistics) == ("piggyback", "task")
    assert {name.partition(".")[0] for name in bundle.tensors} == {"alphas", "head", "masks", "statistics"}
    assert set(trained[1].history) == {"fold0/masks-lr0.5"}


def test_weights_are_left_out_and_none_is_changed(tmp_path: Path) -> None:
    fold = replace(fold_in(tmp_path / "fold0"), config=CONFIG)
    start = plain_network(fold)
    trained = trained_plain(fold, start, 0.5)
    untrained_mask, mask = (of.bundle_tensors()["masks.6.branch.3"].view("u1") for of in (start, trained))
    assert (untrained_mask == 255).all()
    assert 0.001 < 1 - np.unpackbits(mask).mean() < 0.9
    for name, tensor in seeded_backbone().state_dict().items():
        np.testing.assert_array_equal(tensor, fold.backbone.state_dict()[name], err_msg=name)


def test_a_warm_start_begins_with_the_masks_of_the_earlier_version(tmp_path: Path) -> None:
    fold = replace(fold_in(tmp_path / "fold0"), config=CONFIG)
    tensors = trained_plain(fold, plain_network(fold), 0.5).bundle_tensors()
    manifest = random_manifest(method="piggyback", backbone=NAME, classes=3)
    start = MaskedStudent(seeded_backbone(), classes=3, adapts=True)
    start_from(start, decode(encode(manifest, tensors)), manifest.classes)
    for name, tensor in start.bundle_tensors().items():
        if name.startswith("masks."):
            np.testing.assert_array_equal(tensor, tensors[name], err_msg=name)


def test_a_mask_counts_as_a_thirty_second_of_its_weights(trained: tuple[Path, Tailored]) -> None:
    complexity, shapes = trained[1].manifest.complexity, seeded_backbone().geometry
    whole = backbone_cost(shapes, 16)
    bits = sum(int(np.prod(shape)) for shape in masked_weights(shapes).values())
    norms = 2 * sum(sum(block.norms.values()) for block in shapes.blocks)
    assert complexity.params == whole.params + bits // 32 + norms + shapes.depth + 65 * 3
    assert (complexity.macs, complexity.shared_macs_kept) == (whole.macs + 64 * 3, 0)


def test_a_broken_off_one_ends_with_the_same_bundle(tmp_path: Path, trained: tuple[Path, Tailored]) -> None:
    def die(event: Event) -> None:
        if event.kind == "epoch":
            raise Broken

    with pytest.raises(Broken):
        tailored(tmp_path, die, CONFIG)
    assert tailored(tmp_path, config=CONFIG).bundle == trained[1].bundle
