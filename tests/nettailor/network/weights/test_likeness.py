"""That a refused file is called what its owner calls it."""

import pytest
import torch

from nettailor.network.backbones import build_backbone, canonical_tensors
from nettailor.network.weights.likeness import likeness


@pytest.mark.parametrize("name", ["mini26", "wide_resnet26", "resnet18", "resnet50"])
def test_this_projects_names(name: str) -> None:
    assert likeness(canonical_tensors(build_backbone(name))) == name


def test_blocks_of_no_known_depth_are_counted() -> None:
    names = [f"layer{stage}.{block}.conv3.weight" for stage in (1, 2, 3, 4) for block in range(2 + stage % 2)]
    found = likeness(dict.fromkeys(names, torch.ones(1)))
    assert found == "a ResNet of 3+2+3+2 bottleneck blocks"


def test_what_is_like_nothing_known_has_no_name() -> None:
    assert likeness({"weight": torch.ones(1)}) is None
