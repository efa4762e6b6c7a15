"""`python -m trainer.pretrain` from zips to a file that a backbone is made from."""

import json
import os
import subprocess
import sys
from pathlib import Path

from nettailor.network.backbones import load_backbone
from tests.trainer.pretrain.sets import zip_of_splits


def test_zips_in_a_backbone_out(tmp_path: Path) -> None:
    pets = zip_of_splits(tmp_path / "pets.zip", ["cat", "dog"])
    signs = zip_of_splits(tmp_path / "signs.zip", ["stop", "go"])
    out = tmp_path / "out"
    command = [sys.executable, "-m", "trainer.pretrain", "--data", str(pets), str(signs), "--out", str(out)]
    done = subprocess.run(
        [*command, "--minutes", "1e-6"], env=os.environ, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert set(report["top1"]) == {"pets", "signs"}
    assert report["epochs"] == 1
    assert load_backbone("mini26", out / "mini26.safetensors").channels[-1] == 128
    assert (out / "checkpoint.pt").exists()
