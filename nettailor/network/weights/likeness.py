"""Which architecture the names and shapes of tensors look like, in words that the owner of a refused file knows."""

import re
from collections.abc import Iterator, Mapping

from torch import Tensor

from nettailor.architecture.geometry import backbone_names, geometry

_DEPTHS: Mapping[tuple[tuple[int, ...], bool], str] = {
    ((1, 1, 1, 1), False): "10",
    ((1, 1, 1, 1), True): "14",
    ((2, 2, 2, 2), False): "18",
    ((2, 2, 2, 2), True): "26",
    ((3, 4, 6, 3), False): "34",
    ((3, 4, 6, 3), True): "50",
    ((3, 4, 23, 3), True): "101",
    ((3, 8, 36, 3), True): "152",
}

_TRAITS = (
    ("squeeze-and-excitation (SE)", r"\.se_module\.|\.se(_layer)?\.(fc|conv_|conv\d)"),
    ("efficient channel attention (ECA)", r"\.(se|eca)\.conv\.weight$"),
    ("convolutional block attention (CBAM)", r"\.(ca|sa)\.|cbam|ChannelGate|SpatialGate"),
    ("selective kernels (SKNet)", r"\.conv\d\.paths\."),
    ("split attention (ResNeSt)", r"\.conv2\.(conv|fc1)\."),
    ("multi-scale blocks (Res2Net)", r"\.(convs|bns)\.\d"),
    ("PReLU (iresnet)", r"(^|\.)prelu\."),
    ("blur pooling", r"\.filt$"),
    ("attention pooling (CLIP)", r"^attnpool\."),
    ("a deep stem (resnet-c, -d, -t)", r"^(conv1\.\d+\.|stem\.\d+\.|stem\.conv2\.)"),
    ("average-pooled shortcuts (resnet-d)", r"^layer\d\.\d+\.downsample\.2\."),
)

# The first that matches any name tells; the more special ones stand before the more general.
_FAMILIES = (
    ("a Swin transformer", r"relative_position_bias_table"),
    ("a vision transformer (ViT)", r"cls_token|class_token|pos_embed|patch_embed|patch_embeddings|conv_proj\."),
    ("a ConvNeXt", r"(stages|features)\.\d+\..*(gamma|layer_scale|dwconv)|layer_scale"),
    ("a DenseNet", r"denseblock\d"),
    ("an Inception network", r"Mixed_\d|inception\d"),
    ("an HRNet", r"^transition\d"),
    ("a RegNet", r"^s\d\.b\d|trunk_output"),
    ("a pre-activation ResNet (resnetv2)", r"^stages\.\d+\.blocks\.\d+\.norm\d"),
    ("an EfficientNet or a MobileNet", r"conv_stem|conv_dw|^features\.\d+\.(conv|block|\d+\.block)\."),
    ("a SqueezeNet", r"\.squeeze\."),
    ("a ShuffleNet", r"^stage\d\.\d+\.branch\d"),
    ("a ResNet of Detectron2", r"^res[2-5]\.\d"),
    ("a VGG or AlexNet", r"^features\.\d+\.(weight|bias)"),
    ("a network of timm's byob (gcresnet, botnet and others) or its kin", r"^stages\.\d+\..*\.conv\.weight"),
)


def likeness(tensors: Mapping[str, Tensor]) -> str | None:
    """Of tensors without wrapping, by torchvision's names where they have such; None: of no architecture known here."""
    residual = _residual_name(tensors)
    if residual is None:
        return _canonical_name(tensors) or _family(tensors)
    traits = list(_traits(tensors))
    return f"{residual} with {' and '.join(traits)}" if traits else residual


def _residual_name(tensors: Mapping[str, Tensor]) -> str | None:
    counts = tuple(count for count in (_blocks(tensors, stage) for stage in range(1, 5)) if count)
    if not counts:
        return None
    bottleneck = any(name.startswith("layer1.0.conv3") for name in tensors)
    width = _length(tensors, "layer1.0.conv1.weight", 0)
    if counts == (4, 4, 4):
        return _of_decathlon(width)
    depth = _DEPTHS.get((counts, bottleneck))
    if depth is None:
        kind = "bottleneck" if bottleneck else "basic"
        return f"a ResNet of {'+'.join(map(str, counts))} {kind} blocks"
    return _widened(tensors, depth, width) if bottleneck else f"resnet{depth}"


def _widened(tensors: Mapping[str, Tensor], depth: str, width: int) -> str:
    """Bottlenecks with grouped or wider 3x3 convolutions have other names, and the same names of tensors."""
    group = _length(tensors, "layer1.0.conv2.weight", 1)
    if group and width > group:
        return f"resnext{depth}_{width // group}x{group}d"
    return f"wide_resnet{depth}_{width // 64}" if width > 64 else f"resnet{depth}"


def _of_decathlon(width: int) -> str:
    found = (
        name for name in backbone_names() if geometry(name).blocks[0].middle == width and geometry(name).depth == 12
    )
    return next(found, "a ResNet of 4+4+4 basic blocks")


def _canonical_name(tensors: Mapping[str, Tensor]) -> str | None:
    """Of this project's names: of a known depth, kind and width."""
    if not {"stem.0.weight", "blocks.0.branch.0.weight"} <= tensors.keys():
        return None
    depth = len({name.split(".")[1] for name in tensors if name.startswith("blocks.")})
    middle, bottleneck = _length(tensors, "blocks.0.branch.0.weight", 0), "blocks.0.branch.6.weight" in tensors
    shapes = (geometry(name) for name in backbone_names())
    same = (g.name for g in shapes if (g.depth, g.blocks[0].middle, g.bottleneck) == (depth, middle, bottleneck))
    return next(same, None)


def _family(tensors: Mapping[str, Tensor]) -> str | None:
    return next((family for family, mark in _FAMILIES if any(re.search(mark, name) for name in tensors)), None)


def _traits(tensors: Mapping[str, Tensor]) -> Iterator[str]:
    for trait, mark in _TRAITS:
        if any(re.search(mark, name) for name in tensors):
            yield trait
    if "bn1.weight" in tensors and "bn1.running_mean" not in tensors:
        yield "group normalisation, or none that keeps statistics"
    if "conv1.weight" in tensors and tensors["conv1.weight"].ndim == 4:
        yield from _stem_traits(tensors["conv1.weight"])


def _stem_traits(stem: Tensor) -> Iterator[str]:
    _, channels, kernel, _ = stem.shape
    if channels != 3:
        yield f"images of {channels} channels"
    if kernel != 7 and len(stem) == 64:
        yield f"a {kernel}x{kernel} stem (for small images, as CIFAR's)"


def _blocks(tensors: Mapping[str, Tensor], stage: int) -> int:
    prefix = f"layer{stage}."
    return len({name.split(".")[1] for name in tensors if name.startswith(prefix) and name.split(".")[1].isdecimal()})


def _length(tensors: Mapping[str, Tensor], name: str, axis: int) -> int:
    """Of one axis of a tensor; 0 if there is no such tensor."""
    tensor = tensors.get(name)
    return tensor.shape[axis] if tensor is not None and tensor.ndim > axis else 0
