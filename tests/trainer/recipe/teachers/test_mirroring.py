"""Mirroring is turned off where it changes what images show, and not by a few unlucky images."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.trainer.tiny import coloured
from trainer.recipe.teachers.frozen_features import FrozenFeatures
from trainer.recipe.teachers.mirroring import mirror_keeps_class
from trainer.training.images import LabelledImages


@dataclass(frozen=True)
class Told(FrozenFeatures):
    """Every image looks like its class; mirrored, the first few look like the next class."""

    confused: int

    def of(self, images: LabelledImages) -> Tensor:
        return F.one_hot(images.labels, 3).float()

    def of_mirrored(self, images: LabelledImages) -> Tensor:
        looks = torch.where(torch.arange(len(images)) < self.confused, (images.labels + 1) % 3, images.labels)
        return F.one_hot(looks, 3).float()


@pytest.mark.parametrize(("confused", "keeps"), [(0, True), (2, True), (40, False)])
def test_mirroring_is_turned_off_by_a_loss_that_chance_would_not_take(confused: int, keeps: bool) -> None:
    images = coloured(180, 3, 0)
    assert mirror_keeps_class(Told(confused), images, images) is keeps
