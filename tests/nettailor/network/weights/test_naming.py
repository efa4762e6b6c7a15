"""That other tools' names become torchvision's, all of them, and unknown ones stay."""

import pytest
import torch

from benchmarks.weights.networks import BACKBONES, state_of
from benchmarks.weights.wrappings import sequential_names, transformers_names, without_classifier
from nettailor.network.weights.naming import torchvision_names


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("rename", [transformers_names, sequential_names, dict])
def test_all_names_come_back(backbone: str, rename: type[dict[str, torch.Tensor]]) -> None:
    state = without_classifier(state_of(backbone, 1))
    found = torchvision_names(rename(state))
    assert found.keys() == state.keys()
    assert all(found[name] is tensor for name, tensor in state.items())


def test_what_is_not_known_keeps_its_name() -> None:
    names = ["embedder.embedder.convolution.weight", "encoder.stages.0.layers.0.attention.weight", "pooler.weight"]
    found = torchvision_names(dict.fromkeys(names, torch.ones(1)))
    assert list(found) == ["conv1.weight", *names[1:]]
