"""What timm and transformers themselves write, at pinned versions: each network is read to the bit, or refused."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from nettailor.errors import BackboneWeightsInvalid
from nettailor.network.backbones import load_backbone

_ROOT = Path(__file__).parents[4]
_TOOLS = ("timm==1.0.31", "transformers==5.24.0")
_THEIR_NEEDS = ("huggingface-hub==2.4.0", "tokenizers==0.23.3", "regex", "requests")
_INSTALL_S, _RUN_S = 900, 600

WRITE = """
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from nettailor.network.vision import import_torchvision

import_torchvision("models")  # timm and transformers import it, and cannot where its operators are lacking
import timm
from transformers import ResNetConfig, ResNetForImageClassification

folder, names = Path(sys.argv[1]), sys.argv[2].split()
images = torch.randn(2, 3, 64, 64)

def randomised(model):
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return model.eval()

def write(name, model, features):
    save_file(model.state_dict(), folder / f"{name}.safetensors")
    save_file({"images": images, "features": features.contiguous()}, folder / f"{name}.features")

with torch.inference_mode():
    for name in names:
        model = randomised(timm.create_model(name))
        resized = images if name.startswith("resnet") else torch.zeros(2, 3, 224, 224)  # these are refused
        write(name, model, model.forward_head(model.forward_features(resized), pre_logits=True))
    for name, kind, depths, sizes in (
        ("hf-resnet18", "basic", [2, 2, 2, 2], [64, 128, 256, 512]),
        ("hf-resnet34", "basic", [3, 4, 6, 3], [64, 128, 256, 512]),
        ("hf-resnet50", "bottleneck", [3, 4, 6, 3], [256, 512, 1024, 2048]),
    ):
        config = ResNetConfig(depths=depths, layer_type=kind, hidden_sizes=sizes, embedding_size=64)
        model = randomised(ResNetForImageClassification(config))
        write(name, model, model.resnet(images).pooler_output.flatten(1))
"""
EXACT = ("resnet18", "resnet34", "resnet50")
BLURRED = ("resnetblur50", "resnetaa50")
OTHERS = {
    "seresnet50": "squeeze-and-excitation",
    "legacy_seresnet50": "squeeze-and-excitation",
    "ecaresnet50t": "channel attention.*deep stem",
    "resnet50d": "deep stem.*average-pooled shortcuts",
    "resnet50c": "deep stem",
    "resnetrs50": "squeeze-and-excitation",
    "wide_resnet50_2": "looks like wide_resnet50_2;",
    "resnext50_32x4d": "looks like resnext50_32x4d;",
    "resnet101": "looks like resnet101;",
    "skresnet18": "SKNet",
    "resnest50d": "ResNeSt",
    "res2net50_26w_4s": "Res2Net",
    "resnet50_gn": "group normalisation",
    "resnetv2_50": "resnetv2",
    "convnext_tiny": "ConvNeXt",
    "vit_tiny_patch16_224": "ViT",
    "densenet121": "DenseNet",
    "mobilenetv3_small_100": "MobileNet",
}

pytestmark = pytest.mark.nightly  # installs the tools


def _run(command: list[str], timeout_s: int) -> None:
    environment = {**os.environ, "PYTHONPATH": str(_ROOT), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=timeout_s, check=False, env=environment, cwd=_ROOT
    )
    assert done.returncode == 0, done.stderr[-4000:]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the weights of every network, and the features it gives."""
    folder = tmp_path_factory.mktemp("written")
    python = str(folder / "venv" / "bin" / "python")
    _run([sys.executable, "-m", "venv", str(folder / "venv")], _INSTALL_S)
    packages = next((folder / "venv" / "lib").glob("python*")) / "site-packages"
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib"))  # torch is ours: another is gigabytes
    _run([python, "-m", "pip", "install", "--quiet", "--no-deps", *_TOOLS], _INSTALL_S)
    _run([python, "-m", "pip", "install", "--quiet", *_THEIR_NEEDS], _INSTALL_S)
    _run([python, "-c", WRITE, str(folder), " ".join([*EXACT, *BLURRED, *OTHERS])], _RUN_S)
    return folder


def _differs(written: Path, name: str, backbone: str) -> float:
    expected = load_file(written / f"{name}.features")
    with torch.inference_mode():
        found = load_backbone(backbone, written / f"{name}.safetensors")(expected["images"])
    return float((found - expected["features"]).abs().max() / expected["features"].abs().max())


@pytest.mark.parametrize("backbone", EXACT)
@pytest.mark.parametrize("tool", ["", "hf-"])
def test_features_are_equal_to_the_bit(written: Path, tool: str, backbone: str) -> None:
    assert _differs(written, tool + backbone, backbone) == 0


@pytest.mark.parametrize("name", BLURRED)
def test_networks_that_names_cannot_tell_are_far_from_what_doctor_lets_pass(written: Path, name: str) -> None:
    assert _differs(written, name, "resnet50") > 0.02


@pytest.mark.parametrize(("name", "reason"), OTHERS.items())
def test_other_networks_of_timm_are_refused(written: Path, name: str, reason: str) -> None:
    backbone = "resnet18" if "18" in name else "resnet50"
    with pytest.raises(BackboneWeightsInvalid, match=reason):
        load_backbone(backbone, written / f"{name}.safetensors")
