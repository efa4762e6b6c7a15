import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from nettailor.architecture.geometry import backbone_names, geometry
from nettailor.errors import BackboneUnknown, BackboneWeightsInvalid
from nettailor.network.backbones import (
    build_backbone,
    canonical_tensors,
    channels_last,
    cut,
    load_backbone,
    pooled,
    uncut_network,
)
from nettailor.network.vision import import_torchvision


def randomised(network: Any) -> Any:
    """Batch-norm as if trained, so that no layer is close to the identity."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
            for buffer, low in (("running_mean", -0.5), ("running_var", 0.5)):
                nn.init.uniform_(module.get_buffer(buffer), low, low + 1)
    return network.eval()


def whole(network: Any, x: torch.Tensor) -> torch.Tensor:
    """torchvision's own forward pass up to the classifier's input."""
    x = network.maxpool(network.relu(network.bn1(network.conv1(x))))
    for layer in (network.layer1, network.layer2, network.layer3, network.layer4):
        x = layer(x)
    return torch.flatten(network.avgpool(x), 1)


@pytest.mark.parametrize("name", backbone_names())
@torch.inference_mode()
def test_the_cut_network_is_the_whole_one_bit_for_bit(name: str) -> None:
    torch.manual_seed(0)
    network = randomised(uncut_network(name))
    images = torch.randn(2, 3, 40, 40)
    assert torch.equal(cut(network, name)(images), whole(network, images))
    assert torch.equal(network.fc(whole(network, images)), network(images))


@pytest.mark.parametrize("name", backbone_names())
@torch.inference_mode()
def test_the_closed_geometry_is_that_of_the_modules(name: str) -> None:
    backbone, shapes = build_backbone(name), geometry(name)
    nodes = backbone.features(torch.randn(1, 3, 50, 50))
    assert [n.shape[1] for n in nodes] == list(shapes.channels)
    assert [n.shape[2] for n in nodes] == [shapes.side(node, 50) for node in range(len(nodes))]
    for block, expected in zip(backbone.blocks, shapes.blocks, strict=True):
        norms = {n: m.num_features for n, m in block.named_modules() if isinstance(m, nn.BatchNorm2d)}
        assert norms == expected.norms


def test_unknown_backbones_are_named() -> None:
    with pytest.raises(BackboneUnknown, match="resnet19"):
        build_backbone("resnet19")


def test_the_fingerprint_is_of_the_function_and_nothing_else() -> None:
    torch.manual_seed(1)
    backbone = build_backbone("mini26")
    before = backbone.fingerprint()
    backbone.get_buffer("blocks.0.branch.1.num_batches_tracked").fill_(7)
    assert channels_last(backbone).fingerprint() == before
    with torch.no_grad():
        backbone.get_buffer("blocks.0.branch.1.running_mean")[0] += 1
    assert backbone.fingerprint() != before


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@torch.inference_mode()
def test_a_local_file_with_torchvisions_names(tmp_path: Path, suffix: str) -> None:
    network = randomised(uncut_network("resnet18"))
    path = tmp_path / f"weights{suffix}"
    state = network.state_dict()
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    images = torch.randn(1, 3, 40, 40)
    assert torch.equal(load_backbone("resnet18", path)(images), whole(network, images))


def test_a_local_file_with_canonical_names(tmp_path: Path) -> None:
    backbone = build_backbone("mini26")
    path = tmp_path / "mini26.safetensors"
    save_file(canonical_tensors(backbone), path)
    assert load_backbone("mini26", path).fingerprint() == backbone.fingerprint()


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    tensors = canonical_tensors(build_backbone("mini26"))
    path = tmp_path / "weights.safetensors"
    save_file({k: v for k, v in tensors.items() if k != "stem.0.weight"}, path)
    with pytest.raises(BackboneWeightsInvalid, match=r"first stem\.0\.weight"):
        load_backbone("mini26", path)
    save_file(tensors | {"stem.0.weight": torch.full_like(tensors["stem.0.weight"], float("nan"))}, path)
    with pytest.raises(BackboneWeightsInvalid, match=r"stem\.0\.weight is not finite"):
        load_backbone("mini26", path)
    save_file(tensors | {"stem.0.weight": torch.zeros(1, 2, 3, 3)}, path)
    with pytest.raises(BackboneWeightsInvalid, match="size mismatch"):
        load_backbone("mini26", path)
    path.write_bytes(b"no tensors at all")
    with pytest.raises(BackboneWeightsInvalid):
        load_backbone("mini26", path)


def test_a_pickle_is_never_executed(tmp_path: Path) -> None:
    class Touch:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return os.mkdir, (str(tmp_path / "executed"),)

    path = tmp_path / "weights.pt"
    torch.save({"stem.0.weight": Touch()}, path)
    with pytest.raises(BackboneWeightsInvalid):
        load_backbone("mini26", path)
    assert not (tmp_path / "executed").exists()


def test_the_torchvision_weights_api_is_what_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    network = randomised(uncut_network("resnet18"))
    asked: list[tuple[str, bool]] = []

    def state_of(url: str, *, check_hash: bool = False, **_: Any) -> dict[str, torch.Tensor]:
        asked.append((url, check_hash))
        return dict(network.state_dict())

    monkeypatch.setattr(import_torchvision("models._api"), "load_state_dict_from_url", state_of)
    images = torch.randn(1, 3, 32, 32)
    with torch.inference_mode():
        assert torch.equal(load_backbone("resnet18")(images), whole(network, images))
    assert "resnet18" in asked[0][0]
    assert asked[0][1]


def test_wide_resnet26_says_that_it_has_no_weights() -> None:
    with pytest.raises(BackboneWeightsInvalid, match="give a local file"):
        load_backbone("wide_resnet26")


def test_pooling_is_the_mean_over_positions() -> None:
    x = torch.arange(24.0).reshape(1, 2, 3, 4)
    np.testing.assert_allclose(pooled(x).numpy(), x.numpy().mean((2, 3)))


def test_the_shipped_weights_are_two_networks_of_one_shape_with_old_heads() -> None:
    first, second = load_backbone("mini26"), load_backbone("mini26b")
    assert first.fingerprint() != second.fingerprint()
    assert first.geometry.blocks == second.geometry.blocks
    for backbone in (first, second):
        assert [head.out_features for head in backbone.old_heads] == [100, 100]
        assert backbone(torch.zeros(1, 3, 32, 32)).shape == (1, 128)
