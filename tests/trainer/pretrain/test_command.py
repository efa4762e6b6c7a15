"""`python -m trainer.pretrain` from zips to a file that a backbone is made from, in this process."""

import json
import sys
from pathlib import Path

import pytest
import torch

from nettailor.network.backbones import canonical_tensors, load_backbone
from nettailor.network.weights.heads import read_heads
from tests.trainer.pretrain.sets import zip_of_splits
from trainer.pretrain.command import main
from trainer.pretrain.export import export


def test_zips_in_a_backbone_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pets = zip_of_splits(tmp_path / "pets.zip", ["cat", "dog"])
    signs = zip_of_splits(tmp_path / "signs.zip", ["stop", "go"])
    out = tmp_path / "out"
    command = ["trainer.pretrain", "--data", str(pets), str(signs), "--out", str(out), "--minutes", "1e-6"]
    monkeypatch.setattr(sys, "argv", command)
    main()
    report = json.loads(capsys.readouterr().out)
    assert set(report["top1"]) == {"pets", "signs"}
    assert report["epochs"] == 1
    assert load_backbone("mini26", out / "mini26.safetensors").channels[-1] == 128
    assert (out / "checkpoint.pt").exists()
    assert [head.out_features for head in read_heads(out / "mini26.heads.safetensors")] == [2, 2]


def test_a_second_cycle_begins_with_the_first_one_s_weights_and_takes_its_epochs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pets = zip_of_splits(tmp_path / "pets.zip", ["cat", "dog"])
    out, first = tmp_path / "out", tmp_path / "first.safetensors"
    export(load_backbone("mini26"), first)
    command = ["trainer.pretrain", "--data", str(pets), "--out", str(out), "--start", str(first)]
    more = ["--backbone", "mini26b", "--epochs", "2", "--lr", "1e-6", "--label-smoothing", "0"]
    monkeypatch.setattr(sys, "argv", [*command, *more])
    main()
    assert json.loads(capsys.readouterr().out)["epochs"] == 2
    second = load_backbone("mini26b", out / "mini26b.safetensors")
    for name, tensor in canonical_tensors(load_backbone("mini26")).items():
        if name.endswith("weight"):
            torch.testing.assert_close(canonical_tensors(second)[name], tensor, rtol=1e-2, atol=1e-3)


def test_fewer_images_than_a_batch_takes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pets = zip_of_splits(tmp_path / "pets.zip", ["cat", "dog"], each=10)
    monkeypatch.setattr(sys, "argv", ["trainer.pretrain", "--data", str(pets), "--out", str(tmp_path / "out")])
    with pytest.raises(SystemExit, match="the sets have 20 training images, a batch takes 128"):
        main()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *((name, "0") for name in ("--epochs", "--minutes", "--lr", "--images-a-class")),
        *((name, value) for name in ("--label-smoothing", "--saturation", "--grey") for value in ("1.5", "nan")),
    ],
)
def test_numbers_that_train_nothing_or_mean_nothing_are_refused(
    option: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["trainer.pretrain", "--data", "a.zip", "--out", str(tmp_path), option, value])
    with pytest.raises(SystemExit):
        main()
    assert f"argument {option}" in capsys.readouterr().err
