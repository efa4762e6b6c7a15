"""A whole network made ready to run: weights of the task's own in every convolution, the stem included.

Legend: N images, C channels, H W, K classes. Activations are (N, H, W, C) and contiguous.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from nettailor.bundle.preprocessing import Preprocessing
from server.engine.backbone import Convolution, ConvolutionBlock, ConvolutionNetwork
from server.engine.folded import FoldedBundle
from server.engine.folding import FloatArray
from server.kernels.device import Device


@dataclass(frozen=True, kw_only=True, eq=False)
class WholeNetwork:
    """Ready to run; immutable."""

    task: str
    backbone: str  # fingerprint of the one that it began as
    preprocessing: Preprocessing
    classes: tuple[str, ...]
    network: ConvolutionNetwork
    head_weight: Tensor  # (K, C_L)
    head_bias: Tensor  # (K,)

    @property
    def size_bytes(self) -> int:
        head = sum(tensor.untyped_storage().nbytes() for tensor in (self.head_weight, self.head_bias))
        return self.network.size_bytes + head

    @property
    def work(self) -> int:
        """How much an image costs, in blocks; stem and classifier count as one each."""
        return len(self.network.blocks) + 2

    def run(self, images: Tensor) -> Tensor:
        """Logits (N, K) of normalised images (N, H, W, 3)."""
        x = self.network.run_stem(images)
        for block in self.network.blocks:
            x = block(x).relu_()
        return torch.addmm(self.head_bias, x.mean((1, 2)), self.head_weight.t())


def upload_network(folded: FoldedBundle, like: ConvolutionNetwork, device: Device) -> WholeNetwork:
    """Make a bundle of the backbone's architecture ready to run. Its convolutions have no second copy of their weights
    for another way of running them, as the shared ones may: it would be every task's."""
    manifest, arrays = folded.manifest, folded.arrays()
    network = ConvolutionNetwork(
        stem=_packed("stem.0", arrays, like.stem, device),
        stem_pools=like.stem_pools,
        blocks=tuple(_block(f"blocks.{i}", arrays, block, device) for i, block in enumerate(like.blocks)),
        strides=like.strides,
    )
    return WholeNetwork(
        task=manifest.task,
        backbone=manifest.backbone.fingerprint,
        preprocessing=manifest.preprocessing,
        classes=manifest.classes,
        network=network,
        head_weight=_put(arrays["head.weight"], device),
        head_bias=_put(arrays["head.bias"], device),
    )


def _block(name: str, arrays: Mapping[str, FloatArray], like: ConvolutionBlock, device: Device) -> ConvolutionBlock:
    branch = [_packed(f"{name}.branch.{3 * i}", arrays, conv, device) for i, conv in enumerate(like.branch)]
    shortcut = None if like.shortcut is None else _packed(f"{name}.shortcut.0", arrays, like.shortcut, device)
    return ConvolutionBlock(branch=tuple(branch), shortcut=shortcut)


def _packed(name: str, arrays: Mapping[str, FloatArray], like: Convolution, device: Device) -> Convolution:
    return Convolution(
        kernel=device.pack(arrays[f"{name}.weight"], stride=like.stride, padding=like.padding),
        bias=_put(arrays[f"{name}.bias"], device),
        stride=like.stride,
        padding=like.padding,
    )


def _put(array: FloatArray, device: Device) -> Tensor:
    """Of a copy: a view would keep the whole bundle's memory for a few numbers."""
    return device.put(array.copy())
