"""One fold by itself."""

from pathlib import Path

import pytest
import torch

from nettailor.complexity.counting import path_costs
from tests.trainer.recipe.runs import seeded_backbone
from tests.trainer.tiny import tiny_config, tiny_task
from trainer.recipe import fold as folds
from trainer.recipe.fold import Fold


def test_proxies_are_fitted_to_fewer_images_where_they_are_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, backbone = tiny_task(), seeded_backbone()
    fold = Fold(
        config=tiny_config(),
        backbone=backbone,
        preprocessing=data.preprocessing,
        classes=3,
        train=data.train,
        val=data.val,
        flip=False,
        costs=path_costs(backbone.geometry, data.preprocessing.crop),
        folder=tmp_path,
        on_epoch=lambda name, schedule, epoch, model: None,
    )
    assert len(fold._some_images(12)) == 12
    monkeypatch.setattr(folds, "_REGRESSED_PIXELS", 5 * data.preprocessing.crop**2)
    some = fold._some_images(12)
    assert len(some) == 5
    assert torch.equal(some, fold._some_images(12))
