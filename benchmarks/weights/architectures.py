"""Other networks offered where a ResNet is expected: torchvision's own, and ResNets with the parts of other tools."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from benchmarks.weights.networks import State, state_of
from nettailor.network.vision import import_torchvision


@dataclass(frozen=True, kw_only=True)
class Offer:
    """`reason` is a pattern that the refusal has to match: what the owner of the file would recognise."""

    name: str
    backbone: str  # what it is offered as
    make: Callable[[], State]
    reason: str


def _torchvision(name: str, *, device: str = "meta", **options: Any) -> Callable[[], State]:
    """With tensors of zeros: only names and shapes matter, and drawing random ones takes longer."""

    def make() -> State:
        with torch.device(device):
            made: nn.Module = getattr(import_torchvision("models"), name)(weights=None, **options)
        return {key: torch.zeros(tensor.shape, dtype=tensor.dtype) for key, tensor in made.state_dict().items()}

    return make


def _with_each_block(backbone: str, *parts: tuple[str, tuple[int, ...]]) -> Callable[[], State]:
    """Each block with further tensors."""

    def make() -> State:
        state = state_of(backbone, 0)
        blocks = {found[0] for name in state if (found := re.match(r"layer\d\.\d+", name))}
        return state | {f"{block}.{part}": torch.zeros(shape) for block in blocks for part, shape in parts}

    return make


def _renamed(backbone: str, pattern: str, replacement: str) -> Callable[[], State]:
    return lambda: {re.sub(pattern, replacement, name): tensor for name, tensor in state_of(backbone, 0).items()}


def _deep_stem() -> State:
    state = state_of("resnet50", 0)
    del state["conv1.weight"]
    shapes = {0: (32, 3, 3, 3), 1: (32,), 3: (32, 32, 3, 3), 6: (64, 32, 3, 3)}
    return state | {f"conv1.{index}.weight": torch.zeros(shape) for index, shape in shapes.items()}


def _changed(backbone: str, name: str, shape: tuple[int, ...]) -> Callable[[], State]:
    return lambda: state_of(backbone, 0) | {name: torch.zeros(shape)}


def _without(backbone: str, pattern: str) -> Callable[[], State]:
    return lambda: {name: each for name, each in state_of(backbone, 0).items() if not re.search(pattern, name)}


def _two_networks() -> State:
    state = state_of("resnet18", 0)
    return {f"{prefix}.{name}": tensor for prefix in ("backbone", "encoder") for name, tensor in state.items()}


_IRESNET = (("prelu.weight", (64,)), ("bn3.weight", (64,)), ("bn3.bias", (64,)))
_CBAM = (("ca.fc.0.weight", (4, 64, 1, 1)), ("sa.conv1.weight", (1, 2, 7, 7)))


def _of_other_depth() -> Iterator[Offer]:
    for name in ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"):
        for backbone in ("resnet18", "resnet34", "resnet50"):
            if name != backbone:
                yield Offer(name=name, backbone=backbone, make=_torchvision(name), reason=f"looks like {name};")


def _changed_resnets() -> Iterator[Offer]:
    for name, backbone, make, reason in (
        ("seresnet50", "resnet50", _with_each_block("resnet50", ("se.fc1.weight", (4, 64, 1, 1))), "squeeze-and-exc"),
        ("seresnet18", "resnet18", _with_each_block("resnet18", ("se.fc1.weight", (4, 64, 1, 1))), "squeeze-and-exc"),
        ("ecaresnet50", "resnet50", _with_each_block("resnet50", ("se.conv.weight", (1, 1, 5))), "channel attention"),
        ("cbam_resnet50", "resnet50", _with_each_block("resnet50", *_CBAM), "CBAM"),
        ("resnetblur50 of old timm", "resnet50", _with_each_block("resnet50", ("aa.filt", (64, 1, 3, 3))), "blur"),
        ("iresnet18", "resnet18", _with_each_block("resnet18", *_IRESNET), "iresnet"),
        ("iresnet34", "resnet34", _with_each_block("resnet34", *_IRESNET), "iresnet"),
        ("res2net50", "resnet50", _renamed("resnet50", r"\.conv2\.", ".convs.0."), "Res2Net"),
        ("skresnet18", "resnet18", _renamed("resnet18", r"(\.\d+)\.conv1\.", r"\1.conv1.paths.0.conv."), "SKNet"),
        ("resnest50", "resnet50", _renamed("resnet50", r"\.conv2\.", ".conv2.conv."), "ResNeSt"),
        ("resnet50c", "resnet50", _deep_stem, "deep stem"),
        ("resnet50d", "resnet50", _renamed("resnet50", r"\.downsample\.1\.", ".downsample.2."), "resnet-d"),
        ("resnet50_gn", "resnet50", _without("resnet50", r"running_"), "group normalisation"),
        ("resnet18 for CIFAR", "resnet18", _changed("resnet18", "conv1.weight", (64, 3, 3, 3)), "3x3 stem"),
        ("resnet18 of grey images", "resnet18", _changed("resnet18", "conv1.weight", (64, 1, 7, 7)), "1 channels"),
        ("Detectron2's resnet50", "resnet50", _renamed("resnet50", r"^layer1", "res2"), "not understood"),
        ("a resnet18 with a part before it", "resnet18", _changed("resnet18", "whitening.weight", (3, 3)), "whitening"),
        ("two resnet18", "resnet18", _two_networks, "several networks, backbone and encoder"),
        ("half a resnet34", "resnet34", _without("resnet34", r"^layer4"), "lacks"),
    ):
        yield Offer(name=name, backbone=backbone, make=make, reason=reason)


def _other_networks() -> Iterator[Offer]:
    for name, backbone, reason in (
        ("wide_resnet50_2", "resnet50", "looks like wide_resnet50_2;"),
        ("wide_resnet101_2", "resnet50", "looks like wide_resnet101_2;"),
        ("resnext50_32x4d", "resnet50", "looks like resnext50_32x4d;"),
        ("resnext101_32x8d", "resnet50", "looks like resnext101_32x8d;"),
        ("convnext_tiny", "resnet50", "ConvNeXt"),
        ("swin_t", "resnet50", "Swin"),
        ("vit_b_32", "resnet50", "ViT"),
        ("densenet121", "resnet50", "DenseNet"),
        ("efficientnet_b0", "resnet18", "EfficientNet"),
        ("mobilenet_v3_small", "resnet18", "MobileNet"),
        ("vgg11", "resnet18", "VGG"),
        ("shufflenet_v2_x1_0", "resnet18", "ShuffleNet"),
        ("squeezenet1_1", "resnet18", "SqueezeNet"),
    ):
        yield Offer(name=name, backbone=backbone, make=_torchvision(name), reason=reason)
    regnet = _torchvision("regnet_y_400mf", device="cpu")  # computes its widths with tensors
    yield Offer(name="regnet_y_400mf", backbone="resnet18", make=regnet, reason="RegNet")
    inception = _torchvision("inception_v3", init_weights=False, aux_logits=True)
    yield Offer(name="inception_v3", backbone="resnet50", make=inception, reason="Inception")


OFFERS = (*_of_other_depth(), *_changed_resnets(), *_other_networks())
