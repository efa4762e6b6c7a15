"""Convolutions as a device runs them: weights packed once, bias, sum and ReLU in the same pass where it can.

Legend: N images, C channels, H W, k kernel. Activations come and go as (N, C, H, W) views of channels-last memory.
"""

import ctypes
import hashlib
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

_TELLS_APART = 2**16  # bytes; weights in blocks of another size differ long before


class Kernel(Protocol):
    @property
    def weight(self) -> Tensor:
        """The weights as they came, (C_out, C_in, k, k); maybe a copy."""

    @property
    def size_bytes(self) -> int: ...

    @property
    def addresses(self) -> tuple[int, ...]:
        """The addresses of the weights, which tell one copy from two."""

    def prepare(self, height: int, width: int) -> None:
        """Get ready for images of this size, which may take a while; not needed for right results."""

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
    def addresses(self) -> tuple[int, ...]:
        return (self.weight.untyped_storage().data_ptr(),)

    def prepare(self, height: int, width: int) -> None:
        pass

    def __call__(self, x: Tensor, bias: Tensor | None, *, relu: bool = False, add: Tensor | None = None) -> Tensor:
        y = F.conv2d(x, self.weight, bias, self.stride, self.padding)
        if add is not None:
            y += add
        return y.relu_() if relu else y


def size_bytes(packed: Tensor) -> int:
    """Of weights in a layout of oneDNN's."""
    return int(torch.ops.mkldnn._nbytes(packed))


def address(packed: Tensor) -> int:
    return int(torch.ops.mkldnn.data_ptr(packed))


def layout(packed: Tensor) -> bytes:
    """The same for the same weights in the same layout."""
    return hashlib.sha256(ctypes.string_at(address(packed), min(size_bytes(packed), _TELLS_APART))).digest()


class OneDnnKernel:
    """oneDNN's convolution with weights in its own blocked layout, which eager PyTorch makes anew on every call.

    `like` is a batch (N, H, W) to lay them out for. Another one may want another layout (see
    `fitted`): it gets the right answer all the same, but the weights are then copied on every call.
    """

    def __init__(
        self, weight: Tensor, *, stride: int, padding: int, groups: int = 1, like: tuple[int, int, int] = (1, 16, 16)
    ) -> None:
        self._places = ([padding, padding], [stride, stride], [1, 1], groups)  # padding, stride, dilation, groups
        shape = [like[0], groups * weight.shape[1], *like[1:]]
        reorder: Any = torch._C._nn.mkldnn_reorder_conv2d_weight  # torch's stub lacks the shape
        self._weight: Tensor = reorder(weight.to_mkldnn(), *self._places, shape)

    @staticmethod
    def available(dtype: torch.dtype = torch.float32) -> bool:
        """Whether this build has it, and this processor for weights of that type: in bf16 oneDNN asks for AVX-512,
        in fp16 for its fp16 extension."""
        if not (torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise")):
            return False
        if dtype == torch.bfloat16:
            return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
        if dtype == torch.float16:
            return bool(torch.ops.mkldnn._is_mkldnn_fp16_supported())
        return dtype == torch.float32

    @property
    def size_bytes(self) -> int:
        return size_bytes(self._weight)

    @property
    def addresses(self) -> tuple[int, ...]:
        return (address(self._weight),)

    @property
    def channels(self) -> tuple[int, int]:
        """How many channels come out and go in: C_out, C_in."""
        return self._weight.shape[0], self._weight.shape[1]

    @property
    def weight(self) -> Tensor:
        """A copy of the weights as they came, (C_out, C_in, k, k)."""
        return self._weight.to_dense()

    @property
    def layout(self) -> bytes:
        """Two kernels of the same weights with the same layout have the same one."""
        return layout(self._weight)

    def prepare(self, height: int, width: int) -> None:
        pass

    def __call__(self, x: Tensor, bias: Tensor | None, *, relu: bool = False, add: Tensor | None = None) -> Tensor:
        run = torch.ops.mkldnn._convolution_pointwise
        if add is None:
            y: Tensor = run(x, self._weight, bias, *self._places, "relu" if relu else "none", [], "")
        else:
            y = run.binary(x, add, self._weight, bias, *self._places, "add", None, "relu" if relu else None, [], None)
        return y
