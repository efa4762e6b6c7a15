"""The shared network, packed once for the device: stem and blocks with the backbone's batch-norm folded in.

The folded weights serve both kinds of tasks. With the backbone's statistics (m, v) a batch-norm after convolution W is
y = W' x + b', W' = g W / sqrt(v + eps). With a task's own (m_t, v_t) it is y = r_t W' x + s_t, where
r_t = sqrt((v + eps) / (v_t + eps)) and s_t = b - g m_t / sqrt(v_t + eps): a scale and a shift of the same W' x.

Legend: N images, C channels, H W. Activations are (N, H, W, C) and contiguous.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nettailor.network.backbones import Backbone, Block
from server.engine.folding import FloatArray, Norm
from server.kernels.convolution import Kernel
from server.kernels.device import Device
from server.kernels.int8 import Int8Convolution


class Pack(Protocol):
    def __call__(self, weight: FloatArray, *, stride: int, padding: int) -> Kernel:
        """A convolution with weights (C_out, C_in, k, k), ready to run."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Convolution:
    """A convolution with its batch-norm folded in; `bias` (C_out,)."""

    kernel: Kernel
    bias: Tensor
    stride: int
    padding: int

    @property
    def size_bytes(self) -> int:
        return self.kernel.size_bytes + self.bias.untyped_storage().nbytes()

    def __call__(self, x: Tensor, *, biased: bool = True, relu: bool = False, add: Tensor | None = None) -> Tensor:
        """(N, H, W, C_in) -> (N, H', W', C_out); `add` has the shape of the result."""
        other = None if add is None else add.permute(0, 3, 1, 2)
        y = self.kernel(x.permute(0, 3, 1, 2), self.bias if biased else None, relu=relu, add=other)
        return y.permute(0, 2, 3, 1).contiguous()


@dataclass(frozen=True, kw_only=True, eq=False)
class ConvolutionBlock:
    """G_l: convolutions with a ReLU between them; `shortcut` is None for the identity."""

    branch: tuple[Convolution, ...]
    shortcut: Convolution | None

    def __call__(self, x: Tensor) -> Tensor:
        """The pre-activation sum, with the backbone's statistics: (N, H, W, C_in) -> (N, H', W', C_out)."""
        y = x
        for conv in self.branch[:-1]:
            y = conv(y, relu=True)
        return self.branch[-1](y, add=x if self.shortcut is None else self.shortcut(x))

    @property
    def statistics_sizes(self) -> list[int]:
        """Lengths of the parts of a task's statistics, in the order of `server.engine.folding`."""
        widths = [conv.bias.numel() for conv in self.branch]
        return [width for width in widths[:-1] for _ in range(2)] + 3 * widths[-1:]

    @property
    def convolutions(self) -> tuple[Convolution, ...]:
        return self.branch + ((self.shortcut,) if self.shortcut else ())

    def prepare(self, side: int) -> None:
        """Get ready for an input of `side` pixels in height and width."""
        for conv in self.branch:
            side = -(-side // conv.stride)  # of its result; in a bottleneck the first convolution keeps the size
            conv.kernel.prepare(side, side)
        if self.shortcut is not None:
            self.shortcut.kernel.prepare(side, side)


@dataclass(frozen=True, kw_only=True, eq=False)
class ConvolutionNetwork:
    """Stem and blocks of a network whose batch-norms are folded in."""

    stem: Convolution
    stem_pools: bool
    blocks: tuple[ConvolutionBlock, ...]
    strides: tuple[int, ...]  # total, of node 0 ... L

    @property
    def convolutions(self) -> Iterator[Convolution]:
        yield self.stem
        for block in self.blocks:
            yield from block.convolutions

    @property
    def size_bytes(self) -> int:
        return sum(conv.size_bytes for conv in self.convolutions)

    def run_stem(self, images: Tensor) -> Tensor:  # (N, H, W, 3), normalised -> x_0
        x = self.stem(images, relu=True)
        return max_pool(x, kernel=3, stride=2) if self.stem_pools else x


@dataclass(frozen=True, kw_only=True, eq=False)
class SharedNetwork(ConvolutionNetwork):
    """All that tasks share; nothing else of the backbone stays in memory. `norms` are its own statistics of every
    block, by node and by the names that a bundle uses."""

    norms: Mapping[int, Mapping[str, Norm]]

    def prepare(self, side: int) -> None:
        """Get ready for images of `side` pixels; may take seconds."""
        for block, stride in zip(self.blocks, self.strides[:-1], strict=True):
            block.prepare(-(-side // stride))


def max_pool(x: Tensor, *, kernel: int, stride: int) -> Tensor:
    """Padding kernel // 2; (N, H, W, C) -> (N, ceil(H / stride), ceil(W / stride), C)."""
    y = F.max_pool2d(x.permute(0, 3, 1, 2), kernel, stride, kernel // 2)
    return y.permute(0, 2, 3, 1).contiguous()


def pack_shared(backbone: Backbone, device: Device, *, int8: bool = False) -> SharedNetwork:
    """Fold batch-norm into the weights and copy them to the device. The backbone itself is not needed afterwards.

    `int8`: the convolutions of the blocks in 8 bits; the stem's input, an image, has values below 0.
    """
    stem = list(backbone.stem.children())
    pack = _pack_int8 if int8 else device.pack
    return SharedNetwork(
        stem=_folded(stem[0], stem[1], device, device.pack),
        stem_pools=isinstance(stem[3], nn.MaxPool2d),
        blocks=tuple(_block(block, device, pack) for block in backbone.blocks),
        strides=backbone.strides,
        norms={node: _norms(block) for node, block in enumerate(backbone.blocks, start=1)},
    )


def _pack_int8(weight: FloatArray, *, stride: int, padding: int) -> Kernel:
    return Int8Convolution(torch.from_numpy(weight), stride=stride, padding=padding)


def _block(block: nn.Module, device: Device, pack: Pack) -> ConvolutionBlock:
    assert isinstance(block, Block)
    layers = list(block.branch)
    branch = [_folded(layers[i], layers[i + 1], device, pack) for i in range(0, len(layers), 3)]
    return ConvolutionBlock(branch=tuple(branch), shortcut=_shortcut(block.shortcut, device, pack))


def _shortcut(shortcut: nn.Module, device: Device, pack: Pack) -> Convolution | None:
    if isinstance(shortcut, nn.Identity):
        return None
    assert isinstance(shortcut, nn.Sequential)
    return _folded(shortcut[0], shortcut[1], device, pack)


def _folded(conv: nn.Module, norm: nn.Module, device: Device, pack: Pack) -> Convolution:
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    parts = (conv.weight, norm.weight, norm.bias, norm.running_mean, norm.running_var)
    weight, gamma, beta, mean, var = (part.detach().double().cpu() for part in parts if part is not None)
    scale = gamma / torch.sqrt(var + norm.eps)
    folded = (weight * scale[:, None, None, None]).float().numpy()
    stride, padding = conv.stride[0], conv.padding[0]
    assert isinstance(padding, int)
    return Convolution(
        kernel=pack(folded, stride=stride, padding=padding),
        bias=device.put((beta - mean * scale).float().numpy()),
        stride=stride,
        padding=padding,
    )


def _norms(block: nn.Module) -> dict[str, Norm]:
    """Those of the branch first, in its order."""
    named = {name: module for name, module in block.named_modules() if isinstance(module, nn.BatchNorm2d)}
    return {
        name: Norm(weight=_array(norm.weight), bias=_array(norm.bias), var=_array(norm.running_var), eps=norm.eps)
        for name, norm in named.items()
    }


def _array(values: Tensor | None) -> FloatArray:
    assert values is not None
    array: FloatArray = values.detach().float().cpu().numpy().copy()  # not a view that keeps a tensor alive
    return array
