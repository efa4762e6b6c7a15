"""What a student computes where its convolutions multiply bytes: slow and obvious, what a server's int8 engine and the
cost of int8 are measured by.

Legend: N images, C channels, H W; x an activation behind a ReLU, u its bytes, r its range; w a weight.

    u = clamp(round(255 x / r), 0, 255)        zero is 0 and r is 255; half to even
    v_c = round(127 w_c / max |w_c|)           of every output channel c
    convolution_c = (v_c u) (r / 255) (max |w_c| / 127)

The shared blocks' convolutions are computed so, projections among them. The stem, sums, the identity of a shortcut,
batch-norm, adapters and the classifier are fp32.
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nettailor.bundle.bundle import Bundle
from nettailor.bundle.tensors.ranges import LARGEST_BYTE, LARGEST_WEIGHT, RANGES
from nettailor.network.adapters import AdaptedConvolution
from nettailor.network.backbones import Backbone
from nettailor.network.student import Student

Ranges = Mapping[int, NDArray[np.float32]]  # by present node, (1 + m,) as in a bundle


@dataclass(frozen=True, kw_only=True)
class Rounding:
    """What is rounded beside the inputs and weights of the shared blocks' convolutions; by default what the server's
    engine rounds.

    A bottleneck proxy has two layers; this is of its first one, whose input is a node. The second one is fp32.
    `proxy_weights` are those of all proxies into a node, each times its alpha, its batch-norm's scale and the step of
    its bytes, side by side in one matrix, whose output channels are rounded to 8 bits; on bottleneck backbones each
    proxy's own.
    """

    proxy_inputs: bool = True  # to the bytes that the blocks behind the node read
    proxy_weights: bool = True
    adapter_inputs: bool = True  # of what stands beside a convolution: it reads that one's bytes


class QuantisedConvolution(nn.Module):
    """A convolution of rounded inputs, where it has a `rounded`, and of weights that are multiples of a `scale`
    (C_out, 1, 1, 1), where it has one."""

    weight: Tensor  # (C_out, C_in, k, k) whole numbers, or as it was
    scale: Tensor  # (C_out, 1, 1) what these are multiples of

    def __init__(self, conv: nn.Conv2d, rounded: "RoundedInput | None", scale: Tensor | None) -> None:
        super().__init__()
        self.rounded = rounded
        self.stride, self.padding = conv.stride, conv.padding
        weight = conv.weight.detach()
        self.register_buffer("weight", weight if scale is None else torch.round(weight / scale))
        self.register_buffer("scale", weight.new_ones(1, 1, 1) if scale is None else scale[:, 0])

    @classmethod
    def of(cls, conv: nn.Conv2d, largest: float) -> "QuantisedConvolution":
        """Inputs are bytes between 0 and `largest`, the weights of each output channel have 8 bits."""
        return cls(conv, RoundedInput(largest), _scale(conv.weight.detach().abs().amax((1, 2, 3), keepdim=True)))

    def forward(self, x: Tensor) -> Tensor:  # (N, C_in, H, W) -> (N, C_out, H / stride, W / stride)
        """Sums of products of whole numbers are exact as long as they stay below 2^24."""
        scale = self.scale
        if self.rounded is not None:
            x, scale = self.rounded.bytes_of(x), scale * self.rounded.step
        return nn.functional.conv2d(x, self.weight, None, self.stride, self.padding).mul_(scale)


def _scale(peaks: Tensor) -> Tensor:
    """What 8-bit weights are multiples of, by the magnitude of the largest one."""
    return torch.where(peaks > 0, peaks / LARGEST_WEIGHT, 1.0)


class RoundedInput(nn.Module):
    """An activation as the bytes between 0 and `largest` say it."""

    step: Tensor  # () what a byte counts

    def __init__(self, largest: float) -> None:
        super().__init__()
        self.register_buffer("step", torch.tensor(largest, dtype=torch.float32) / LARGEST_BYTE)

    def bytes_of(self, x: Tensor) -> Tensor:
        """0 ... 255, as floating-point numbers."""
        return (x / self.step).round_().clamp_(0, LARGEST_BYTE)

    def forward(self, x: Tensor) -> Tensor:
        return self.bytes_of(x) * self.step


def quantised(student: Student, ranges: Ranges, rounding: Rounding | None = None) -> Student:
    """A copy of a student, in eval mode, that computes with rounded numbers."""
    rounding = rounding or Rounding()
    result = copy.deepcopy(student).eval().requires_grad_(False)
    for place in shared_convolutions(result):
        conv = QuantisedConvolution.of(place.conv, float(ranges[place.node][place.index]))
        place.replace(conv, rounds_adapter=rounding.adapter_inputs)
    for node in result.plan.nodes():
        _quantise_proxies(result, node, ranges, rounding)
    return result


def _quantise_proxies(student: Student, node: int, ranges: Ranges, rounding: Rounding) -> None:
    """All proxies into a node. What their first layers' weights are multiplied with until they are one matrix does not
    depend on the row of the input, so that it goes into the scale of the weights as they are."""
    factors = {p: _factors(student, p, node, ranges, rounding) for p in student.plan.sources(node)}
    peaks = {p: f * _first(student, p, node).weight.abs().amax((1, 2, 3), keepdim=True) for p, f in factors.items()}
    for source, factor in factors.items():
        conv = _first(student, source, node)
        shared = [peaks[source]] if student.geometry.bottleneck else list(peaks.values())
        scale = _scale(torch.stack(shared).amax(0)) / factor.clamp_min(torch.finfo(factor.dtype).tiny)
        rounded = RoundedInput(float(ranges[source][0])) if rounding.proxy_inputs else None
        proxy = student.proxy(source, node)
        proxy.add_module(
            proxy.layers[0][0], QuantisedConvolution(conv, rounded, scale if rounding.proxy_weights else None)
        )


def _factors(student: Student, source: int, node: int, ranges: Ranges, rounding: Rounding) -> Tensor:
    """Magnitudes (C_out, 1, 1, 1) of what a proxy's first layer is multiplied with: its alpha, its batch-norm's scale,
    and what a byte of its input counts."""
    proxy = student.proxy(source, node)
    norm = proxy.get_submodule(proxy.layers[0][1])
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_var is not None
    path = student.plan.sources(node).index(source) + student.plan.keeps_block(node)
    step = float(ranges[source][0]) / LARGEST_BYTE if rounding.proxy_inputs else 1.0
    factor = student.alpha(node)[path] * step * norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return factor.abs()[:, None, None, None]


def _first(student: Student, source: int, node: int) -> nn.Conv2d:
    """The layer of a proxy that reads a node."""
    proxy = student.proxy(source, node)
    conv = proxy.get_submodule(proxy.layers[0][0])
    assert isinstance(conv, nn.Conv2d)
    return conv


def quantised_network(backbone: Backbone, bundle: Bundle, rounding: Rounding | None = None) -> Student:
    """The student of a bundle that has activation ranges, with rounded numbers. Raises `BundleWrongBackbone`."""
    return quantised(Student.from_bundle(backbone, bundle), bundle_ranges(bundle), rounding)


def bundle_ranges(bundle: Bundle) -> dict[int, NDArray[np.float32]]:
    """By node."""
    found = (name for name in bundle.tensors if name.startswith(RANGES))
    return {int(name.removeprefix(RANGES)): bundle.tensors[name] for name in found}


@dataclass(frozen=True, kw_only=True)
class SharedConvolution:
    """A convolution of a kept block, and where its input's range is: that of x_node, or after it the block's own."""

    block: nn.Module
    name: str  # inside the block
    node: int  # whose ranges
    index: int  # among them

    @property
    def conv(self) -> nn.Conv2d:
        """Without what a task adds to it."""
        found = self.block.get_submodule(self.name)
        shared = found.conv if isinstance(found, AdaptedConvolution) else found
        assert isinstance(shared, nn.Conv2d)
        return shared

    def replace(self, conv: "QuantisedConvolution", *, rounds_adapter: bool) -> None:
        """Put another one in its place; what a task adds stays."""
        found: nn.Module = self.block.get_submodule(self.name)
        replacement: nn.Module = conv
        if isinstance(found, AdaptedConvolution):
            found.add_module("conv", conv)
            replacement = nn.Sequential(conv.rounded, found) if rounds_adapter and conv.rounded else found
        parent, _, name = self.name.rpartition(".")
        self.block.get_submodule(parent).add_module(name, replacement)


def shared_convolutions(student: Student) -> Iterator[SharedConvolution]:
    """Of every kept block: those of the branch in order, then the projection, if there is one."""
    for node in student.plan.nodes():
        if student.plan.keeps_block(node):
            block, shapes = student.block(node), student.geometry.blocks[node - 1]
            for index, name in enumerate(shapes.branch):
                source = node if index else node - 1
                yield SharedConvolution(block=block, name=name, node=source, index=index)
            if shapes.projected:
                yield SharedConvolution(block=block, name="shortcut.0", node=node - 1, index=0)
