"""Backbones: a ResNet cut into a stem and numbered blocks G_1 ... G_L, and its fingerprint.

Legend: N images, C channels, H W; x_0 is the stem's output, x_l = ReLU(...) the output of node l.
A block returns its sum *before* the ReLU (the ReLU follows the pooling of eq. 2).
"""

import hashlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nettailor.errors import BackboneUnknown
from nettailor.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from nettailor.vision import import_torchvision


class Block(nn.Module):
    """G_l: the residual sum of a torchvision BasicBlock or Bottleneck, without its final ReLU."""

    def __init__(self, residual: Any) -> None:
        super().__init__()
        convolutions = [(residual.conv1, residual.bn1), (residual.conv2, residual.bn2)]
        if hasattr(residual, "conv3"):
            convolutions.append((residual.conv3, residual.bn3))
        layers: list[nn.Module] = []
        for conv, norm in convolutions:
            layers += [conv, norm, nn.ReLU()]
        self.branch = nn.Sequential(*layers[:-1])
        self.shortcut: nn.Module = residual.downsample or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:  # (N, C_in, H, W) -> (N, C_out, H / stride, W / stride)
        return self.branch(x) + self.shortcut(x)  # type: ignore[no-any-return]


class Backbone(nn.Module):
    """The stem and the blocks of one pre-trained network.

    `channels[l]` and `strides[l]` are the channels and the total stride of node l, l = 0 (stem) ... L.
    """

    def __init__(self, *, name: str, stem: nn.Module, blocks: list[Block], preprocessing: Preprocessing) -> None:
        super().__init__()
        self.name = name
        self.stem = stem
        self.blocks = nn.ModuleList(blocks)
        self.preprocessing = preprocessing
        self.bottleneck = len(blocks[0].branch) > 5

        channels = [_last_conv(stem).out_channels]
        strides = [_total_stride(stem)]
        for block in blocks:
            channels.append(_last_conv(block.branch).out_channels)
            strides.append(strides[-1] * _total_stride(block.branch))
        self.channels: tuple[int, ...] = tuple(channels)
        self.strides: tuple[int, ...] = tuple(strides)

    @property
    def depth(self) -> int:
        """L, the number of blocks."""
        return len(self.blocks)

    def features(self, images: Tensor) -> list[Tensor]:
        """All nodes [x_0, ..., x_L] of the uncut network for images (N, 3, H, W)."""
        nodes = [self.stem(images)]
        for block in self.blocks:
            nodes.append(F.relu(block(nodes[-1])))
        return nodes

    def forward(self, images: Tensor) -> Tensor:
        """Pooled features (N, C_L) of the uncut network."""
        return pooled(self.features(images)[-1])

    def fingerprint(self) -> str:
        """Hex sha256 over the canonical tensors: names sorted, fp32, contiguous, little-endian."""
        digest = hashlib.sha256()
        for name, tensor in sorted(canonical_tensors(self).items()):
            digest.update(f"{name} {tuple(tensor.shape)}\n".encode())
            digest.update(tensor.numpy().astype("<f4").tobytes())
        return digest.hexdigest()


def pooled(x: Tensor) -> Tensor:
    """Global average pooling, (N, C, H, W) -> (N, C)."""
    return torch.flatten(F.adaptive_avg_pool2d(x, 1), 1)


def canonical_tensors(backbone: Backbone) -> dict[str, Tensor]:
    """Everything that defines the network's function: weights and batch-norm statistics, fp32 on the CPU."""
    state = backbone.state_dict()
    return {k: v.detach().float().cpu().contiguous() for k, v in state.items() if not k.endswith("num_batches_tracked")}


def _convolutions(module: nn.Module) -> list[nn.Conv2d]:
    return [m for m in module.modules() if isinstance(m, nn.Conv2d)]


def _last_conv(module: nn.Module) -> nn.Conv2d:
    return _convolutions(module)[-1]


def _total_stride(module: nn.Module) -> int:
    stride = 1
    for part in module.modules():
        if isinstance(part, (nn.Conv2d, nn.MaxPool2d)):
            step = part.stride
            stride *= step if isinstance(step, int) else step[0]
    return stride


_IMAGENET = Preprocessing(resize=256, crop=224, mean=IMAGENET_MEAN, std=IMAGENET_STD)
_DECATHLON = Preprocessing(resize=72, crop=64, mean=IMAGENET_MEAN, std=IMAGENET_STD)
_MINI = Preprocessing(resize=32, crop=32, mean=IMAGENET_MEAN, std=IMAGENET_STD)


def cut(resnet: Any, *, name: str, preprocessing: Preprocessing) -> Backbone:
    """Cut a torchvision ResNet (or one with fewer `layer*` stages) into stem and blocks; shares its modules."""
    stem = nn.Sequential(resnet.conv1, resnet.bn1, resnet.relu, resnet.maxpool)
    stages = (getattr(resnet, f"layer{i}", ()) for i in range(1, 5))
    blocks = [Block(residual) for stage in stages for residual in stage]
    return Backbone(name=name, stem=stem, blocks=blocks, preprocessing=preprocessing)


def _torchvision(name: str) -> Backbone:
    resnet = getattr(import_torchvision("models"), name)(weights=None)
    return cut(resnet, name=name, preprocessing=_IMAGENET)


def _download(name: str) -> dict[str, Tensor]:
    weights = import_torchvision("models").get_model_weights(name).DEFAULT
    state: dict[str, Tensor] = weights.get_state_dict(progress=True, check_hash=True)
    return state


def decathlon_resnet(width: int) -> nn.Module:
    """The 26-layer network of the Visual Decathlon (Rebuffi et al. 2017) out of torchvision's parts.

    Stem 3x3 to `width` / 2 channels at full resolution, then three stages of four basic blocks with `width`, 2 and
    4 times `width` channels, each stage starting with stride 2. Shortcuts that change shape are projections.
    """
    resnet_module = import_torchvision("models.resnet")

    class Decathlon(resnet_module.ResNet):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            nn.Module.__init__(self)
            self._norm_layer = nn.BatchNorm2d
            self.inplanes, self.dilation, self.groups, self.base_width = width // 2, 1, 1, 64
            self.conv1 = nn.Conv2d(3, width // 2, 3, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(width // 2)
            self.relu = nn.ReLU()
            self.maxpool = nn.Identity()
            for stage in range(3):
                layer = self._make_layer(resnet_module.BasicBlock, width << stage, 4, stride=2)
                setattr(self, f"layer{stage + 1}", layer)
            self.layer4 = nn.Sequential()
            self.avgpool = nn.AdaptiveAvgPool2d(1)
            self.fc = nn.Linear(4 * width, 1000)
            for conv in _convolutions(self):
                nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")

    return Decathlon()


def _wide_resnet26(name: str) -> Backbone:
    return cut(decathlon_resnet(64), name=name, preprocessing=_DECATHLON)


def _mini26(name: str) -> Backbone:
    return cut(decathlon_resnet(32), name=name, preprocessing=_MINI)


_BUILDERS: dict[str, Callable[[str], Backbone]] = {
    "resnet18": _torchvision,
    "resnet34": _torchvision,
    "resnet50": _torchvision,
    "wide_resnet26": _wide_resnet26,
    "mini26": _mini26,
}


def backbone_names() -> list[str]:
    """Names `build_backbone` takes."""
    return list(_BUILDERS)


def build_backbone(name: str) -> Backbone:
    """The backbone with random weights (torch's global generator), in eval mode.

    Raises `BackboneUnknown`.
    """
    if name not in _BUILDERS:
        raise BackboneUnknown(name, backbone_names())
    return _BUILDERS[name](name).eval()
