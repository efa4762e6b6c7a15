"""That a network has exactly the tensors of the file, or the file is refused."""

import logging

import pytest
import torch

from benchmarks.weights.architectures import OFFERS, Offer
from benchmarks.weights.networks import state_of
from nettailor.errors import BackboneWeightsInvalid
from nettailor.network.backbones import backbone_of

_ELSEWHERE = {"vit_b_32", "wide_resnet101_2", "resnext101_32x8d", "vgg11"}  # large: only in benchmarks.weights


@pytest.mark.parametrize(
    "offer",
    [offer for offer in OFFERS if offer.name not in _ELSEWHERE],
    ids=lambda offer: f"{offer.name} as {offer.backbone}",
)
def test_other_architectures_are_refused_by_their_names(offer: Offer) -> None:
    with pytest.raises(BackboneWeightsInvalid, match=offer.reason):
        backbone_of(offer.backbone, "a file", offer.make())


def test_what_was_left_out_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    state = {f"module.{name}": tensor for name, tensor in state_of("resnet18", 1).items()}
    with caplog.at_level(logging.INFO, logger="nettailor.network.weights.fitting"):
        backbone_of("resnet18", "a file", {"state_dict": state, "optimizer": {}})
    assert caplog.messages == ["weights a file: taken from state_dict.module; left out: fc, optimizer"]


@pytest.mark.parametrize(
    ("tensor", "why"),
    [
        (torch.zeros(64, dtype=torch.int8), "bn1.bias is int8"),
        (torch.zeros(64).to_sparse(), "sparse_coo"),
        (torch.zeros(64, device="meta"), "on meta"),
        (torch.full((64,), float("inf")), "bn1.bias is not finite"),
        (torch.zeros(63), r"size mismatch in 1 tensors, first bn1.bias: \(63,\), not \(64,\)"),
    ],
)
def test_tensors_that_are_no_plain_numbers_are_refused(tensor: torch.Tensor, why: str) -> None:
    with pytest.raises(BackboneWeightsInvalid, match=why):
        backbone_of("resnet18", "a file", {**state_of("resnet18", 1), "bn1.bias": tensor})
