"""That what tools put around a network is taken off, and the right one of two is left."""

import itertools
from typing import Any

import pytest
import torch

from benchmarks.weights.networks import BACKBONES, features, images, state_of
from benchmarks.weights.wrappings import WRAPPINGS, Wrapping
from nettailor.errors import BackboneWeightsInvalid
from nettailor.network.backbones import backbone_of
from nettailor.network.weights.wrapping import unwrap


def _refuse(reason: str) -> BackboneWeightsInvalid:
    return BackboneWeightsInvalid("resnet18", "a file", reason)


def _by_day(wrapping: Wrapping, backbone: str) -> bool:
    """Of resnet34 and resnet50, which have the names that resnet18 has and more of them, all but the first are for the
    night: wrappings are taken off whatever network is in them."""
    return backbone == "resnet18" or wrapping is WRAPPINGS[0]


@pytest.mark.parametrize(
    ("wrapping", "backbone"),
    [
        pytest.param(wrapping, name, id=f"{wrapping.name}-{name}", marks=() if by_day else pytest.mark.nightly)
        for wrapping, name in itertools.product(WRAPPINGS, BACKBONES)
        for by_day in [_by_day(wrapping, name)]
    ],
)
@torch.inference_mode()
def test_features_are_equal_to_the_bit_in_every_wrapping(wrapping: Wrapping, backbone: str) -> None:
    document = wrapping.document(state_of(backbone, 1), state_of(backbone, 2))
    loaded = backbone_of(backbone, "a file", document)
    assert torch.equal(loaded(images()), features(backbone, 1, wrapping.dtype))


def _network(value: float) -> dict[str, Any]:
    return {"conv1.weight": torch.tensor(value), "layer1.0.conv1.weight": torch.tensor(value)}


def _under(prefix: str, value: float) -> dict[str, Any]:
    return {f"{prefix}.{name}": tensor for name, tensor in _network(value).items()}


@pytest.mark.parametrize(
    ("taken", "left"),
    [
        ("encoder_q", "encoder_k"),
        ("base_encoder", "momentum_encoder"),
        ("online_encoder", "target_encoder"),
        ("backbone", "backbone_momentum"),
        ("teacher", "student"),
        ("model_ema", "model"),
        ("state_dict_ema", "state_dict"),
        ("state_dict", "ema_state_dict"),
    ],
)
def test_of_two_networks_the_documented_one_is_taken(taken: str, left: str) -> None:
    flat = unwrap({**_under(left, 2), **_under(taken, 1)}, _refuse)
    nested = unwrap({left: _network(2), taken: _network(1)}, _refuse)
    for found in (flat, nested):
        assert {float(tensor) for tensor in found.tensors.values()} == {1}
        assert (found.levels, found.unknown) == ((taken,), ())
        assert left in found.left_out


def test_one_of_a_pair_alone_is_taken() -> None:
    assert unwrap(_under("momentum_encoder", 1), _refuse).levels == ("momentum_encoder",)


def test_networks_of_which_none_is_known_to_be_meant_are_refused() -> None:
    with pytest.raises(BackboneWeightsInvalid, match="several networks, encoder and backbone"):
        unwrap({**_under("encoder", 1), **_under("backbone", 2)}, _refuse)


def test_what_is_not_known_beside_the_network_is_told() -> None:
    document = {**_under("model", 1), "whitening.weight": torch.ones(1), "fc.weight": torch.ones(1)}
    found = unwrap(document, _refuse)
    assert (found.unknown, dict(found.left_out)) == (("whitening.weight",), {"fc": 1})
    nested = unwrap({**_network(1), "decoder": {"weight": torch.ones(1)}, "optimizer": {"m": torch.ones(1)}}, _refuse)
    assert nested.unknown == ("decoder.*",)


@pytest.mark.parametrize("document", [{}, {"epoch": 3}, {"generator": _network(1)}])
def test_dicts_without_a_known_place_for_the_network_are_refused(document: dict[str, Any]) -> None:
    with pytest.raises(BackboneWeightsInvalid, match=r"save `model\.state_dict\(\)`"):
        unwrap(document, _refuse)


def test_a_dict_that_holds_itself_is_refused() -> None:
    document: dict[str, Any] = {"epoch": 3}
    document["model"] = document
    with pytest.raises(BackboneWeightsInvalid, match="no tensors"):
        unwrap(document, _refuse)


def test_names_that_are_there_compiled_and_not_are_refused() -> None:
    with pytest.raises(BackboneWeightsInvalid, match="same names twice"):
        unwrap({**_under("_orig_mod", 1), **_network(2)}, _refuse)
