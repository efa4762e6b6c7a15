"""Convolutions as a device runs them: weights packed once, bias, sum and ReLU in the same pass where it can.

Legend: N images, C channels, H W, k kernel. Activations come and go as (N, C, H, W) views of channels-last memory.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F


class Kernel(Protocol):
    @property
    def size_bytes(self) -> int: ...

    @property
    def address(self) -> int:
        """Where the weights lie, to tell one copy from two."""

    def __call__(self, x: Tensor, bias: Tensor | None, *, relu: bool = False, add: Tensor | None = None) -> Tensor:
        """The convolution of x (N, C_in, H, W), plus `bias` (C_out,), plus `add` (N, C_out, H', W'), then ReLU."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PlainKernel:
    """PyTorch's own convolution; `weight` (C_out, C_in, k, k), channels-last."""

    weight: Tensor
    stride: int
    padding: int

    @property
    def size_bytes(self) -> int:
        return self.weight.untyped_storage().nbytes()

    @property
    def address(self) -> int:
        return self.weight.untyped_storage().data_ptr()

    def __call__(self, x: Tensor, bias: Tensor | None, *, relu: bool = False, add: Tensor | None = None) -> Tensor:
        y = F.conv2d(x, self.weight, bias, self.stride, self.padding)
        if add is not None:
            y += add
        return y.relu_() if relu else y


class OneDnnKernel:
    """oneDNN's convolution with weights in its own blocked layout, which eager PyTorch makes anew on every call.

    The layout does not depend on the size of the images it was made for (docs/log.md), so one copy serves all.
    """

    def __init__(self, weight: Tensor, *, stride: int, padding: int) -> None:
        self._places = ([padding, padding], [stride, stride], [1, 1], 1)  # padding, stride, dilation, groups
        shape = [1, weight.shape[1], 16, 16]
        reorder: Any = torch._C._nn.mkldnn_reorder_conv2d_weight  # torch's stub lacks the shape
        self._weight: Tensor = reorder(weight.to_mkldnn(), *self._places, shape)

    @staticmethod
    def available() -> bool:
        return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise")

    @property
    def size_bytes(self) -> int:
        return int(torch.ops.mkldnn._nbytes(self._weight))

    @property
    def address(self) -> int:
        return int(torch.ops.mkldnn.data_ptr(self._weight))

    def __call__(self, x: Tensor, bias: Tensor | None, *, relu: bool = False, add: Tensor | None = None) -> Tensor:
        run = torch.ops.mkldnn._convolution_pointwise
        if add is None:
            y: Tensor = run(x, self._weight, bias, *self._places, "relu" if relu else "none", [], "")
        else:
            y = run.binary(x, add, self._weight, bias, *self._places, "add", None, "relu" if relu else None, [], None)
        return y
