from pathlib import Path

from nettailor.network.backbones import load_backbone
from tests.trainer.pretrain.sets import images
from trainer.pretrain.config import PretrainConfig
from trainer.pretrain.evaluation import accuracy
from trainer.pretrain.export import export
from trainer.pretrain.training import Pretraining, learning_rate


def test_two_sets_train_one_backbone_that_can_be_loaded(tmp_path: Path) -> None:
    config = PretrainConfig(minutes=0.001, batch_size=8)
    run = Pretraining(config, [images("a", 3, 0), images("b", 2, 1)], tmp_path)
    run.run()
    assert run.progress >= 1
    path = tmp_path / "mini26.safetensors"
    export(run.averaged.backbone, path)
    assert path.stat().st_size < 4 * 2**20
    assert load_backbone("mini26", path).channels[-1] == 128
    assert 0 <= accuracy(run.averaged, run.sets[1], 1, 3) <= 1
    again = Pretraining(config, run.sets, tmp_path)
    again.restore()
    assert (again.epoch, again.seconds) == (run.epoch, run.seconds)


def test_one_cycle() -> None:
    assert learning_rate(0.0, 1.0) < learning_rate(0.05, 1.0)
    assert learning_rate(1.0, 1.0) < 1e-9
