"""The backbone's blocks with masks of the task's own: a bit a weight is resident, and a layer's weights are expanded
just before they run, for the rows of this task alone.

Legend: N images, C channels, H W, K classes. Activations are (N, H, W, C) and contiguous.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nettailor.bundle.preprocessing import Preprocessing
from server.engine.backbone import Convolution, ConvolutionBlock, ConvolutionNetwork
from server.engine.folded import FoldedBundle
from server.engine.folding import FloatArray
from server.kernels.convolution import PlainKernel
from server.kernels.device import Device


@dataclass(frozen=True, kw_only=True, eq=False)
class MaskedConvolution:
    """A shared convolution W of which `mask` keeps some weights, times `scale` (C_out,); `bias` (C_out,)."""

    shared: Convolution
    mask: Tensor  # uint8, a bit a weight as `nettailor.bundle.tensors.masks` lays them out
    scale: Tensor
    bias: Tensor

    @property
    def size_bytes(self) -> int:
        return sum(tensor.untyped_storage().nbytes() for tensor in (self.mask, self.scale, self.bias))

    def expanded(self) -> Convolution:
        """With weights of its own, to run once."""
        shared = self.shared.kernel.weight
        weight = unpacked(self.mask, shared.numel()).view(shared.shape).to(shared.dtype)
        weight.mul_(self.scale.view(-1, 1, 1, 1)).mul_(shared)
        stride, padding = self.shared.stride, self.shared.padding
        kernel = PlainKernel(weight=weight, stride=stride, padding=padding)
        return Convolution(kernel=kernel, bias=self.bias, stride=stride, padding=padding)


@dataclass(frozen=True, kw_only=True, eq=False)
class MaskedBlock:
    branch: tuple[MaskedConvolution, ...]
    shortcut: MaskedConvolution | None

    @property
    def size_bytes(self) -> int:
        return sum(conv.size_bytes for conv in (*self.branch, *([self.shortcut] if self.shortcut else [])))

    def expanded(self) -> ConvolutionBlock:
        shortcut = None if self.shortcut is None else self.shortcut.expanded()
        return ConvolutionBlock(branch=tuple(conv.expanded() for conv in self.branch), shortcut=shortcut)


@dataclass(frozen=True, kw_only=True, eq=False)
class MaskedNetwork:
    """Ready to run; immutable."""

    task: str
    backbone: str  # fingerprint of the one whose weights it masks
    preprocessing: Preprocessing
    classes: tuple[str, ...]
    network: ConvolutionNetwork  # whose weights it masks
    blocks: tuple[MaskedBlock, ...]
    head_weight: Tensor  # (K, C_L)
    head_bias: Tensor  # (K,)

    @property
    def size_bytes(self) -> int:
        head = sum(tensor.untyped_storage().nbytes() for tensor in (self.head_weight, self.head_bias))
        return sum(block.size_bytes for block in self.blocks) + head

    @property
    def work(self) -> int:
        """How much an image costs, in blocks; the classifier counts as one."""
        return len(self.blocks) + 1

    def run(self, x: Tensor) -> Tensor:
        """Logits (N, K) of x_0 (N, H, W, C_0), which the stem that all share made."""
        for block in self.blocks:
            x = block.expanded()(x).relu_()
        return torch.addmm(self.head_bias, x.mean((1, 2)), self.head_weight.t())


def unpacked(mask: Tensor, weights: int) -> Tensor:
    """0 or 1 for each of so many weights, uint8."""
    if mask.device.type == "cpu":  # ten times faster than the same in PyTorch (docs/log.md)
        return torch.from_numpy(np.unpackbits(mask.numpy(), count=weights, bitorder="little"))
    places = torch.arange(8, dtype=torch.uint8, device=mask.device)
    return mask[:, None].bitwise_right_shift(places).bitwise_and_(1).view(-1)[:weights]


def upload_masked(folded: FoldedBundle, shared: ConvolutionNetwork, device: Device) -> MaskedNetwork:
    """Make a bundle of masks of these weights ready to run."""
    manifest, arrays = folded.manifest, folded.arrays()
    return MaskedNetwork(
        task=manifest.task,
        backbone=manifest.backbone.fingerprint,
        preprocessing=manifest.preprocessing,
        classes=manifest.classes,
        network=shared,
        blocks=tuple(_block(node, arrays, block, device) for node, block in enumerate(shared.blocks, start=1)),
        head_weight=device.put(arrays["head.weight"].copy()),
        head_bias=device.put(arrays["head.bias"].copy()),
    )


def _block(node: int, arrays: Mapping[str, FloatArray], block: ConvolutionBlock, device: Device) -> MaskedBlock:
    branch = [_masked(f"{node}.branch.{3 * i}", arrays, conv, device) for i, conv in enumerate(block.branch)]
    shortcut = None if block.shortcut is None else _masked(f"{node}.shortcut.0", arrays, block.shortcut, device)
    return MaskedBlock(branch=tuple(branch), shortcut=shortcut)


def _masked(name: str, arrays: Mapping[str, FloatArray], shared: Convolution, device: Device) -> MaskedConvolution:
    return MaskedConvolution(
        shared=shared,
        mask=device.put_bytes(arrays[f"{name}.mask"].view("u1").copy()),
        scale=device.put(arrays[f"{name}.scale"].copy()),
        bias=device.put(arrays[f"{name}.bias"].copy()),
    )
