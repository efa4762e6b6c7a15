"""Other names for the parts of a ResNet, brought to torchvision's. Names that are not known are left as they are."""

import re
from collections.abc import Callable, Mapping

from torch import Tensor

_PARTS = {"convolution": "conv", "normalization": "bn"}  # of Hugging Face transformers
_SHORTCUT = {"convolution": "downsample.0", "normalization": "downsample.1"}
_STEM = re.compile(r"embedder\.embedder\.(convolution|normalization)\.(\w+)")
_LAYER = re.compile(r"encoder\.stages\.(\d+)\.layers\.(\d+)\.layer\.(\d+)\.(convolution|normalization)\.(\w+)")
_PROJECTION = re.compile(r"encoder\.stages\.(\d+)\.layers\.(\d+)\.shortcut\.(convolution|normalization)\.(\w+)")

# nn.Sequential(*resnet.children()): the parts by their place. 2, 3 and 8 have no tensors, 9 is the classifier.
_PLACES = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3", "7": "layer4", "9": "fc"}


def torchvision_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    firsts = {name.partition(".")[0] for name in tensors}
    renamed: Callable[[str], str] = str
    if "embedder" in firsts:
        renamed = _of_transformers
    elif firsts >= {"0", "4"}:
        renamed = _of_sequential
    return {renamed(name): tensor for name, tensor in tensors.items()}


def _of_transformers(name: str) -> str:
    if found := _STEM.fullmatch(name):
        return f"{_PARTS[found[1]]}1.{found[2]}"
    if found := _LAYER.fullmatch(name):
        stage, block, index = int(found[1]) + 1, found[2], int(found[3]) + 1
        return f"layer{stage}.{block}.{_PARTS[found[4]]}{index}.{found[5]}"
    if found := _PROJECTION.fullmatch(name):
        return f"layer{int(found[1]) + 1}.{found[2]}.{_SHORTCUT[found[3]]}.{found[4]}"
    return name


def _of_sequential(name: str) -> str:
    first, dot, rest = name.partition(".")
    return _PLACES.get(first, first) + dot + rest
