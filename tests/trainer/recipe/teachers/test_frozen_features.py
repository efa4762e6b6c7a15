"""What the backbone makes of images, computed once."""

import pytest
import torch
from torch import Tensor

from tests.trainer.tiny import tiny_backbone, tiny_task
from trainer.recipe.teachers.frozen_features import FrozenFeatures
from trainer.training.data import to_input
from trainer.training.stratified_folds import stratified_folds

PREPROCESSING = tiny_task().preprocessing


def test_folds_get_what_the_backbone_gives_and_no_image_passes_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    backbone, seen = tiny_backbone(), []

    def counted(x: Tensor) -> Tensor:
        seen.append(len(x))
        return backbone.features(x)[-1].mean((2, 3))

    monkeypatch.setattr(backbone, "forward", counted)
    features = FrozenFeatures(backbone, PREPROCESSING)
    data = tiny_task()
    for train, val in stratified_folds(data, 3, seed=0)[1:]:
        for images in (train, val):
            wanted = backbone.features(to_input(images.exact(), PREPROCESSING))[-1].mean((2, 3))
            torch.testing.assert_close(features.of(images), wanted, rtol=1e-4, atol=1e-5)
    assert sum(seen) == len(data.train) + len(data.val)
    features.of(data.test)  # of another store
    features.forget()
    features.of(data.test)
    assert sum(seen) == len(data.train) + len(data.val) + 2 * len(data.test)
