"""The backbone's blocks, with what a chain of tasks put where the backbone's weights are 0: convolutions of the task's
own behind the stem that all share. One that the chain left alone is the shared one.

Legend: N images, C channels, H W, K classes. Activations are (N, H, W, C) and contiguous.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nettailor.architecture.geometry import geometry
from nettailor.bundle.preprocessing import Preprocessing
from nettailor.bundle.tensors.masks import masked_weights, unpacked_mask
from nettailor.errors import ChainOverlaps
from nettailor.network.packnet.free import BACKBONE
from server.engine.backbone import Convolution, ConvolutionBlock, ConvolutionNetwork
from server.engine.folded import FoldedBundle
from server.engine.folding import FloatArray
from server.kernels.device import Device


@dataclass(frozen=True, kw_only=True, eq=False)
class PackedNetwork:
    """Ready to run; immutable."""

    task: str
    backbone: str  # fingerprint of the one whose weights it fills
    preprocessing: Preprocessing
    classes: tuple[str, ...]
    network: ConvolutionNetwork  # whose weights it fills; held so that the next one finds it in memory
    blocks: tuple[ConvolutionBlock, ...]
    head_weight: Tensor  # (K, C_L)
    head_bias: Tensor  # (K,)
    size_bytes: int  # of what it does not share

    @property
    def work(self) -> int:
        """How much an image costs, in blocks; the classifier counts as one."""
        return len(self.blocks) + 1

    def run(self, x: Tensor) -> Tensor:
        """Logits (N, K) of x_0 (N, H, W, C_0), which the stem that all share made."""
        for block in self.blocks:
            x = block(x).relu_()
        return torch.addmm(self.head_bias, x.mean((1, 2)), self.head_weight.t())


def packed_numbers(folded: FoldedBundle) -> int:
    """How many numbers such a network has on the device at most."""
    shapes, head = masked_weights(geometry(folded.manifest.backbone.id)), folded.shapes["head.weight"]
    return sum(math.prod(shape) for shape in shapes.values()) + math.prod(head) + head[0]


def upload_packed(folded: FoldedBundle, shared: ConvolutionNetwork, device: Device) -> PackedNetwork:
    """Make the weights of a chain ready to run among those of this network. Raises `ChainOverlaps`."""
    manifest, arrays = folded.manifest, folded.arrays()
    blocks = tuple(_block(node, arrays, block, device) for node, block in enumerate(shared.blocks, start=1))
    head = [device.put(arrays[name].copy()) for name in ("head.weight", "head.bias")]
    own = {id(conv): conv for block in blocks for conv in block.convolutions}
    for conv in shared.convolutions:
        own.pop(id(conv), None)
    return PackedNetwork(
        task=manifest.task,
        backbone=manifest.backbone.fingerprint,
        preprocessing=manifest.preprocessing,
        classes=manifest.classes,
        network=shared,
        blocks=blocks,
        head_weight=head[0],
        head_bias=head[1],
        size_bytes=sum(conv.kernel.size_bytes for conv in own.values())
        + sum(tensor.untyped_storage().nbytes() for tensor in head),
    )


def _block(node: int, arrays: Mapping[str, FloatArray], block: ConvolutionBlock, device: Device) -> ConvolutionBlock:
    branch = [_filled(f"{node}.branch.{3 * i}", arrays, conv, device) for i, conv in enumerate(block.branch)]
    shortcut = None if block.shortcut is None else _filled(f"{node}.shortcut.0", arrays, block.shortcut, device)
    return ConvolutionBlock(branch=tuple(branch), shortcut=shortcut)


def _filled(name: str, arrays: Mapping[str, FloatArray], shared: Convolution, device: Device) -> Convolution:
    """With the bias of the shared one, whose batch-norm it has."""
    values = arrays.get(f"{name}.values")
    if values is None:
        return shared
    weight = device.fetch([shared.kernel.weight])[0].copy()
    own = unpacked_mask(arrays[f"{name}.mask"].view("u1"), weight.shape)
    if taken := int(np.count_nonzero(weight[own])):
        raise ChainOverlaps(name, taken, "the chain", BACKBONE)
    weight[own] = values
    kernel = device.pack(np.ascontiguousarray(weight), stride=shared.stride, padding=shared.padding)
    return Convolution(kernel=kernel, bias=shared.bias, stride=shared.stride, padding=shared.padding)
