"""`nettailor backbone`, as a user types it, against a real registry over HTTP."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner, Result

from cli.main import app
from nettailor.network.backbones import load_backbone, uncut_network
from registry.http.app import create_app
from registry.registry import Registry
from tests.bundles import random_bundle
from tests.registry.published import bundle_bytes
from tests.serving import served


@pytest.fixture
def url(registry: Registry) -> Iterator[str]:
    with served(create_app(registry)) as url:
        yield url


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(2)
    return uncut_network("mini26").eval()


@pytest.fixture
def weights(tmp_path: Path, network: nn.Module) -> Path:
    """As a training script saves them: wrapped, with the head."""
    path = tmp_path / "checkpoint.pth"
    torch.save(
        {"epoch": 3, "state_dict": {f"module.{key}": value for key, value in network.state_dict().items()}}, path
    )
    return path


def _invoke(url: str, *arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["backbone", *arguments, "--url", url])


def _run(url: str, *arguments: str) -> str:
    result = _invoke(url, *arguments)
    assert result.exit_code == 0, result.output
    return result.output


def _refused(url: str, *arguments: str) -> str:
    result = _invoke(url, *arguments)
    assert (result.exit_code, result.output.count("\n")) == (1, 1), result.output
    return result.output


@pytest.mark.parametrize("command", ["add", "list", "remove"])
def test_every_command_explains_itself_within_80_columns(command: str) -> None:
    result = CliRunner(env={"COLUMNS": "80"}).invoke(app, ["backbone", command, "--help"])
    assert max(map(len, result.output.splitlines())) <= 80
    assert "Usage: " in result.output


def test_a_file_of_a_training_script_is_added_listed_and_removed(url: str, registry: Registry, weights: Path) -> None:
    fingerprint = load_backbone("mini26", weights).fingerprint()
    text = _run(url, "add", str(weights), "--name", "ours", "--note", "of the lab")
    assert text == f"backbone ours: mini26, fingerprint {fingerprint}, 5.90 MB\n"
    shown = _run(url, "list")
    for cell in ("ours", "mini26", fingerprint[:12], "5.90 MB", "of the lab"):
        assert cell in shown
    assert registry.backbones.named("ours").fingerprint == fingerprint
    assert _run(url, "remove", "ours") == "removed backbone ours\n"
    assert registry.backbones.all() == []


def test_one_in_use_is_not_removed(url: str, registry: Registry, weights: Path) -> None:
    _run(url, "add", str(weights), "--name", "ours")
    manifest, _ = random_bundle(fingerprint=registry.backbones.named("ours").fingerprint)
    registry.publish("signs", bundle_bytes(manifest), actor="me")
    assert "needed by signs v1" in _refused(url, "remove", "ours")


def test_weights_of_no_architecture_here_are_refused(url: str, tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    torch.save({"features.0.weight": torch.ones(2, 3, 3, 3), "features.0.bias": torch.ones(2)}, path)
    assert "looks like a VGG or AlexNet; there are resnet18" in _refused(url, "add", str(path), "--name", "ours")


def test_weights_of_another_architecture_than_was_said_are_refused(url: str, registry: Registry, weights: Path) -> None:
    text = _refused(url, "add", str(weights), "--name", "ours", "--architecture", "resnet18")
    assert "looks like mini26" in text
    assert registry.backbones.all() == []


def test_a_file_that_is_not_there_is_one_line(url: str, tmp_path: Path) -> None:
    none = str(tmp_path / "none.pth")
    assert f"error: {none}: cannot be read: No such file" in _refused(url, "add", none, "--name", "ours")


@torch.inference_mode()
def test_features_are_compared_before_anything_is_stored(
    url: str, tmp_path: Path, registry: Registry, weights: Path
) -> None:
    images = torch.randn(2, 3, 32, 32)
    expected = load_backbone("mini26", weights)(images).numpy()
    file = tmp_path / "features.npz"
    np.savez(file, images=images.numpy(), features=expected + 1)
    arguments = ("add", str(weights), "--name", "ours", "--expect-features", str(file))
    assert "computes other features than" in _refused(url, *arguments)
    assert registry.backbones.all() == []
    np.savez(file, images=images.numpy(), features=expected)
    _run(url, *arguments)
