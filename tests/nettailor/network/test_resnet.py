"""The networks built here against torchvision's of the same names."""

from typing import Any

import pytest
import torch

from nettailor.architecture.geometry import PUBLISHED_WEIGHTS
from nettailor.network.backbones import uncut_network
from nettailor.network.vision import import_torchvision


@pytest.mark.parametrize("name", sorted(PUBLISHED_WEIGHTS))
def test_a_seed_draws_the_weights_that_it_draws_in_torchvision(name: str) -> None:
    torch.manual_seed(3)
    theirs: Any = getattr(import_torchvision("models"), name)(weights=None)
    torch.manual_seed(3)
    ours = uncut_network(name).state_dict()
    assert list(ours) == list(theirs.state_dict())
    assert all(torch.equal(ours[key], tensor) for key, tensor in theirs.state_dict().items())


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_logits_and_moved_statistics_are_torchvisions(name: str, training: bool) -> None:
    theirs: Any = getattr(import_torchvision("models"), name)(weights=None).train(training)
    ours = uncut_network(name).train(training)
    ours.load_state_dict(theirs.state_dict())
    images = torch.randn(2, 3, 40, 40)
    with torch.no_grad():
        assert torch.equal(ours(images), theirs(images))
    for (key, mine), other in zip(ours.named_buffers(), theirs.buffers(), strict=True):
        assert torch.equal(mine, other), key
