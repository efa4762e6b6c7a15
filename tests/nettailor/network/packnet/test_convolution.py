"""Which weights of a convolution a task keeps, against all of them in order."""

import pytest
import torch
from torch import nn

from nettailor.network.packnet.convolution import PackedConvolution


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("values", [2, 1000])  # of two values, most are equal
def test_the_largest_are_kept_and_of_equal_ones_the_first(share: float, values: int) -> None:
    generator = torch.Generator().manual_seed(values)
    conv = nn.Conv2d(4, 8, 3, bias=False)
    free = torch.rand(conv.weight.shape, generator=generator) < 0.7
    packed = PackedConvolution(conv, torch.zeros_like(conv.weight), free)
    packed.take()
    weights = torch.randint(-values, values, conv.weight.shape, generator=generator).float()
    packed.own.data = weights
    packed.prune(share)
    places = free.flatten().nonzero().flatten()
    order = weights.flatten()[places].abs().argsort(descending=True, stable=True)
    kept = places[order[: round(share * len(places))]]
    assert packed.owned.flatten().nonzero().flatten().tolist() == sorted(kept.tolist())
    assert torch.equal(packed.own, torch.where(packed.owned, weights, 0.0))
