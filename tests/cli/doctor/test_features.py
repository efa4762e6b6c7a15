"""`nettailor doctor --expect-features`: the backbone's features beside those of the user's own model."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import save_file
from torch import nn

from cli.doctor.features import expected_features
from cli.doctor.finding import Finding
from cli.doctor.run import examine
from nettailor.network.backbones import uncut_network
from server.settings import ServerSettings

Arrays = dict[str, Any]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, backbone: str) -> ServerSettings:
    """Of a resnet18 of random weights."""
    torch.manual_seed(1)
    network = uncut_network("resnet18")
    weights = tmp_path_factory.mktemp("resnet18") / "weights.safetensors"
    save_file(network.state_dict(), weights)
    return ServerSettings(backbone="resnet18", backbone_weights=weights)


@pytest.fixture(scope="module")
def arrays(settings: ServerSettings) -> Arrays:
    return _of_model(settings)


@torch.inference_mode()
def _of_model(settings: ServerSettings, *, blurred: bool = False) -> Arrays:
    """As docs/operations.md shows it."""
    torch.manual_seed(1)
    model: Any = uncut_network("resnet18").eval()
    model.fc = nn.Identity()
    if blurred:  # as resnetblur does it: without a tensor more
        model.maxpool = nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.AvgPool2d(2, 2))
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    return {"images": images.numpy(), "features": model(images).numpy()}


def _only(settings: ServerSettings, path: Path) -> Finding:
    (found,) = expected_features(settings, path)
    return found


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_the_same_features_are_ok(tmp_path: Path, settings: ServerSettings, arrays: Arrays, suffix: str) -> None:
    path = tmp_path / f"features{suffix}"
    np.savez(path, **arrays) if suffix == ".npz" else save_arrays(arrays, path)
    found = _only(settings, path)
    assert (found.check, found.state, found.advice) == ("features", "ok", "")
    assert found.found.startswith("of 2 images differ from the file's by at most ")


def test_a_network_that_blurs_has_the_same_names_and_is_found_out(tmp_path: Path, settings: ServerSettings) -> None:
    np.savez(tmp_path / "features.npz", **_of_model(settings, blurred=True))
    found = _only(settings, tmp_path / "features.npz")
    assert found.state == "fail"
    assert "computes something else" in found.advice


def test_features_of_another_width_are_told(tmp_path: Path, settings: ServerSettings, arrays: Arrays) -> None:
    np.savez(tmp_path / "features.npz", images=arrays["images"], features=np.ones((2, 2048), dtype=np.float32))
    assert _only(settings, tmp_path / "features.npz").found == "512 an image, not 2048"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"images": np.ones((2, 64, 64, 3), dtype=np.float32)}, r"not (N, 3, H, W) and (N, C)"),
        ({"features": np.ones((1, 512), dtype=np.float32)}, r"not (N, 3, H, W) and (N, C)"),
        ({"features": np.full((2, 512), np.nan)}, "not finite"),
        ({"features": np.array([{"a": 1}], dtype=object)}, "cannot be read"),
    ],
)
def test_files_of_something_else_are_told(
    tmp_path: Path, settings: ServerSettings, arrays: Arrays, change: Arrays, why: str
) -> None:
    np.savez(tmp_path / "features.npz", **{**arrays, **change})
    found = _only(settings, tmp_path / "features.npz")
    assert (found.state, why in found.found) == ("fail", True)


@pytest.mark.parametrize("name", ["features.npz", "features.safetensors"])
@pytest.mark.parametrize("data", [None, b"", b"PK\x03\x04 and no zip"])
def test_files_that_cannot_be_read_are_told(
    tmp_path: Path, settings: ServerSettings, name: str, data: bytes | None
) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data)
    assert "cannot be read" in _only(settings, tmp_path / name).found


def test_other_names_are_told(tmp_path: Path, settings: ServerSettings) -> None:
    np.savez(tmp_path / "features.npz", x=np.ones(1))
    assert "holds x, not `images` and `features`" in _only(settings, tmp_path / "features.npz").found


def test_it_is_one_of_the_checks_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: ServerSettings, arrays: Arrays
) -> None:
    monkeypatch.setenv("NETTAILOR_BACKBONE", "resnet18")
    monkeypatch.setenv("NETTAILOR_BACKBONE_WEIGHTS", str(settings.backbone_weights))
    monkeypatch.setenv("NETTAILOR_PORT", "0")
    np.savez(tmp_path / "features.npz", **arrays)
    found = [each for each in examine(tmp_path / "data", tmp_path / "features.npz") if each.check == "features"]
    assert [each.state for each in found] == ["ok"]
