"""`python -m trainer.pretrain` from zips to a file that a backbone is made from, in this process."""

import json
import sys
from pathlib import Path

import pytest

from nettailor.network.backbones import load_backbone
from tests.trainer.pretrain.sets import zip_of_splits
from trainer.pretrain.command import main


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
