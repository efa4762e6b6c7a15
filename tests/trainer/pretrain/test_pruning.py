import json
import sys
from pathlib import Path

import pytest
import torch

from nettailor.network.backbones import load_backbone
from nettailor.network.packnet.student import what_is_there
from tests.trainer.pretrain.sets import images, zip_of_splits
from tests.trainer.recipe.runs import seeded_backbone
from trainer.pretrain.command import main
from trainer.pretrain.config import PretrainConfig
from trainer.pretrain.pruning import Zeros
from trainer.pretrain.training import Pretraining


def test_the_smallest_weights_of_each_convolution_are_set_to_0_and_the_stem_stays_whole() -> None:
    backbone, before = seeded_backbone("mini26"), seeded_backbone("mini26")
    Zeros(backbone, 0.5)
    there = what_is_there(backbone, ())
    for name, free in there.free.items():
        assert int(free.sum()) == round(0.5 * free.size), name
        whole = what_is_there(before, ()).weights[name]
        assert abs(whole[free]).max() <= abs(whole[~free]).min()
    assert torch.equal(backbone.state_dict()["stem.0.weight"], before.state_dict()["stem.0.weight"])


def test_what_is_0_stays_so_through_training_and_in_the_average(tmp_path: Path) -> None:
    """Momentum and weight decay would move it, the gradient of the other weights is not touched."""
    config = PretrainConfig(minutes=0.001, batch_size=8, prune=0.5, lr=0.01, ema_decay=0.5)
    run = Pretraining(config, [images("a", 3, 0), images("b", 2, 1)], tmp_path)
    start = what_is_there(run.averaged.backbone, ())
    run.run()
    for network in (run.model, run.averaged):
        there = what_is_there(network.backbone, ())
        for name, free in start.free.items():
            assert not there.weights[name][free].any(), name
            assert not (there.weights[name] == start.weights[name])[~free].all(), name


def test_a_pruned_backbone_has_a_fingerprint_and_a_card_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pets, out = zip_of_splits(tmp_path / "pets.zip", ["cat", "dog"]), tmp_path / "out"
    command = ["trainer.pretrain", "--data", str(pets), "--out", str(out), "--prune", "0.5", "--minutes", "1e-6"]
    monkeypatch.setattr(sys, "argv", command)
    main()
    pruned = load_backbone("mini26", out / "mini26-pruned.safetensors")
    told, card = json.loads(capsys.readouterr().out), (out / "mini26-pruned.md").read_text()
    assert told["fingerprint"] == pruned.fingerprint() != load_backbone("mini26").fingerprint() == told["made from"]
    assert what_is_there(pruned, ()).free_share == pytest.approx(0.5, abs=0.001)
    for fact in (pruned.fingerprint(), told["free weights"], told["top-1 on pets"], "nettailor backbone add"):
        assert fact in card
    assert "before the retraining" in card
