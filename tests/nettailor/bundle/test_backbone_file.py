from collections.abc import Callable

import numpy as np
import pytest
import torch

from nettailor.architecture.geometry import backbone_names, geometry
from nettailor.bundle.backbone_file import FORMAT, decode_backbone, encode_backbone, tensor_shapes
from nettailor.bundle.safetensors_file import FloatArray, serialise
from nettailor.errors import BackboneWeightsInvalid
from nettailor.network.backbones import build_backbone, canonical_tensors
from nettailor.network.stored_backbone import stored_backbone, stored_bytes
from tests.backbones import random_backbone_file, random_weights
from tests.bundles import tiny_bytes

Weights = dict[str, FloatArray]


@pytest.mark.parametrize("name", backbone_names())
def test_the_closed_shapes_are_those_of_the_modules(name: str) -> None:
    found = {key: tuple(tensor.shape) for key, tensor in canonical_tensors(build_backbone(name)).items()}
    assert tensor_shapes(geometry(name)) == found


def test_what_is_stored_is_the_same_backbone_and_the_same_bytes() -> None:
    torch.manual_seed(3)
    backbone = build_backbone("mini26")
    data = stored_bytes(backbone)
    back = stored_backbone(data, "a test")
    assert (back.name, back.training, stored_bytes(back)) == ("mini26", False, data)
    assert decode_backbone(data).fingerprint == backbone.fingerprint() == back.fingerprint()
    images = torch.randn(1, 3, 32, 32)
    with torch.inference_mode():
        assert torch.equal(back(images), backbone(images))


def _without(weights: Weights) -> None:
    del weights["stem.1.bias"]


def _with_more(weights: Weights) -> None:
    weights["fc.weight"] = np.ones((2, 2), np.float32)


def _turned(weights: Weights) -> None:
    weights["stem.0.weight"] = weights["stem.0.weight"].transpose(1, 0, 2, 3)


def _not_finite(weights: Weights) -> None:
    weights["stem.1.bias"][3] = np.nan


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (_without, "lacks 1 tensors, first stem.1.bias"),
        (_with_more, "1 tensors too many, first fc.weight"),
        (_turned, "stem.0.weight has shape"),
        (_not_finite, "stem.1.bias is not finite"),
    ],
)
def test_other_tensors_are_refused(spoil: Callable[[Weights], None], why: str) -> None:
    weights = random_weights()
    spoil(weights)
    with pytest.raises(BackboneWeightsInvalid, match=why):
        decode_backbone(encode_backbone("mini26", weights))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "only 0 bytes"),
        (random_backbone_file()[:-1], "bytes"),
        (tiny_bytes(), f"not a {FORMAT}"),
        (serialise({"format": FORMAT, "architecture": "resnet7"}, {}), "unknown backbone 'resnet7'"),
        (encode_backbone("resnet18", random_weights()), "tensors too many"),
    ],
    ids=["empty", "cut", "bundle", "architecture", "other"],
)
def test_other_files_are_refused(data: bytes, why: str) -> None:
    with pytest.raises(BackboneWeightsInvalid, match=why):
        decode_backbone(data)
