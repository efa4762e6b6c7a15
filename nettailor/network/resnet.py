"""Whole ResNets of any `Geometry` (He et al., "Deep residual learning for image recognition", 2016).

Tensors have the names of published weights: `conv1`, `layer2.0.bn1`, `layer2.0.downsample.0`, `fc`. They are built here
because importing torchvision's costs each process a second and 80 MB, most of it for compilers that nobody calls.

Legend: N images, C channels, H W.
"""

from collections.abc import Sequence
from itertools import groupby

import torch
from torch import Tensor, nn

from nettailor.architecture.geometry import BlockGeometry, Geometry

_PUBLISHED_CLASSES = 1000
_STAGES = 4  # that the names know; narrow networks leave the last one empty


class Residual(nn.Module):
    """One block of two or, as a bottleneck, three convolutions beside a shortcut, and the ReLU of their sum.

    `downsample` is None where the shortcut is the identity.
    """

    def __init__(self, shapes: BlockGeometry) -> None:
        super().__init__()
        downsample = _projection(shapes)
        widths, kernels, strided = [shapes.middle, shapes.channels_out], [3, 3], 1
        if shapes.bottleneck:
            widths, kernels, strided = [shapes.middle, *widths], [1, 3, 1], 2
        channels = shapes.channels_in
        self.convolutions = len(widths)
        self.relu = nn.ReLU(inplace=True)
        for index, (width, kernel) in enumerate(zip(widths, kernels, strict=True), start=1):
            stride = shapes.stride if index == strided else 1
            self.add_module(f"conv{index}", convolution(channels, width, kernel, stride))
            self.add_module(f"bn{index}", nn.BatchNorm2d(width))
            channels = width
        self.downsample = downsample

    def layers(self) -> list[tuple[nn.Module, nn.Module]]:
        """Each convolution and its batch-norm."""
        count = range(1, self.convolutions + 1)
        return [(self.get_submodule(f"conv{index}"), self.get_submodule(f"bn{index}")) for index in count]

    def forward(self, x: Tensor) -> Tensor:  # (N, C_in, H, W) -> (N, C_out, H / stride, W / stride)
        shortcut = x if self.downsample is None else self.downsample(x)
        *inner, (conv, norm) = self.layers()
        for each, its_norm in inner:
            x = self.relu(its_norm(each(x)))
        total: Tensor = self.relu(norm(conv(x)) + shortcut)
        return total


class ResNet(nn.Module):
    """The whole network, classifier included."""

    def __init__(self, shapes: Geometry) -> None:
        super().__init__()
        self.conv1 = convolution(3, shapes.stem_channels, shapes.stem_kernel, shapes.stem_stride)
        self.bn1 = nn.BatchNorm2d(shapes.stem_channels)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool: nn.Module = nn.MaxPool2d(3, 2, 1) if shapes.stem_pool else nn.Identity()
        stages = [list(blocks) for _, blocks in groupby(shapes.blocks, key=lambda block: block.middle)]
        self.layer1, self.layer2, self.layer3, self.layer4 = map(_stage, [*stages, []][:_STAGES])
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(shapes.channels[-1], _PUBLISHED_CLASSES)

    @property
    def stages(self) -> tuple[nn.Sequential, ...]:
        return (self.layer1, self.layer2, self.layer3, self.layer4)

    def draw_weights(self) -> None:
        """Random ones. Of a network on the `meta` device this would import torch's compiler."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:  # (N, 3, H, W) -> (N, 1000)
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        for stage in self.stages:
            x = stage(x)
        logits: Tensor = self.fc(torch.flatten(self.avgpool(x), 1))
        return logits


def convolution(channels_in: int, channels_out: int, kernel: int, stride: int) -> nn.Conv2d:
    """Without a bias, which the batch-norm behind it has, and padded to keep the side at stride 1."""
    return nn.Conv2d(channels_in, channels_out, kernel, stride, padding=kernel // 2, bias=False)


def _projection(shapes: BlockGeometry) -> nn.Sequential | None:
    if not shapes.projected:
        return None
    conv = convolution(shapes.channels_in, shapes.channels_out, 1, shapes.stride)
    return nn.Sequential(conv, nn.BatchNorm2d(shapes.channels_out))


def _stage(blocks: Sequence[BlockGeometry]) -> nn.Sequential:
    return nn.Sequential(*map(Residual, blocks))
