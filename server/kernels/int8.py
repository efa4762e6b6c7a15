"""Products in 8 bits, by oneDNN: convolutions and matrices with int8 weights over uint8 activations.

An activation v >= 0 is quantised to round(v / scale), 0 ... 255. Its scale stays with the caller, so that rows with
scales of their own share one product, whose results the caller multiplies row by row. A weight is -127 ... 127 times a
scale of its output channel. Sums are exact, in 32 bits, and come out as float32. Matrices are multiplied with
activations less `ZERO_POINT`, which fit into int8: the call that takes these has a tenth of the overhead (docs/log.md).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from nettailor.bundle.tensors.ranges import LARGEST_WEIGHT
from nettailor.cpu import int8_refusal
from server.kernels.convolution import address, layout, size_bytes

_LIKE = (16, 16)  # size of results to lay weights out for; most other ones want the same layout

Size = tuple[int, int]
_Places = tuple[list[int], list[int], list[int], int]  # stride, padding, dilation, groups


def why_not() -> str | None:
    """Why this processor or this build of PyTorch has no such products, in words; None where it has them."""
    products = hasattr(torch.ops.onednn, "qconv2d_pointwise") and hasattr(torch, "_int_mm")
    if not (torch.backends.mkldnn.is_available() and products):
        return "this build of PyTorch has no oneDNN"
    return int8_refusal()


def quantise_weight(weight: Tensor) -> tuple[Tensor, Tensor]:
    """(C_out, ...) -> int8 of the same shape, and the scale (C_out,) of each output channel."""
    largest = weight.abs().amax(tuple(range(1, weight.ndim)))
    scale = torch.where(largest > 0, largest / LARGEST_WEIGHT, 1.0)
    return torch.round(weight / scale.view(-1, *[1] * (weight.ndim - 1))).to(torch.int8), scale


class Int8Convolution:
    """A convolution of quantised images; `weight` (C_out, C_in, k, k), float32. Bias, sum and ReLU are the caller's.

    The layout that oneDNN wants the weights in may depend on the size of images: `prepare` makes that one. For another
    size the answer is right all the same, but the weights may be copied in every call.
    """

    def __init__(self, weight: Tensor, *, stride: int, padding: int) -> None:
        quantised, self._scale = quantise_weight(weight)
        self._zeros = torch.zeros(len(weight), dtype=torch.int64)
        self._stride = stride
        self._places: _Places = ([stride, stride], [padding, padding], [1, 1], 1)
        self._weight = self._packed(quantised, *_LIKE)
        self._by_size: dict[Size, Tensor] = {}  # of the result, where it wants another layout

    def _packed(self, quantised: Tensor, height: int, width: int) -> Tensor:
        like = [1, quantised.shape[1], height * self._stride, width * self._stride]
        packed: Tensor = torch.ops.onednn.qconv_prepack(quantised, self._scale, 1.0, 0, *self._places, like)
        return packed

    @property
    def weight(self) -> Tensor:
        """A copy of the weights as they are now, rounded."""
        return self._weight.to_dense().float() * self._scale.view(-1, 1, 1, 1)

    @property
    def size_bytes(self) -> int:
        own = self._scale.untyped_storage().nbytes() + self._zeros.untyped_storage().nbytes()
        return sum(size_bytes(copy) for copy in self._copies()) + own

    @property
    def addresses(self) -> tuple[int, ...]:
        return tuple(address(copy) for copy in self._copies())

    def _copies(self) -> list[Tensor]:
        others = list(self._by_size.values())  # in one step: another thread may prepare a size meanwhile
        return [self._weight, *{id(copy): copy for copy in others}.values()]

    def prepare(self, height: int, width: int) -> None:
        made = self._packed(self._weight.to_dense(), height, width)
        for copy in self._copies():
            if layout(copy) == layout(made):
                made = copy
        if made is not self._weight:
            self._by_size[height, width] = made

    def __call__(self, x: Tensor, bias: Tensor | None, *, relu: bool = False, add: Tensor | None = None) -> Tensor:
        """x (N, C_in, H, W), uint8, a view of channels-last memory -> float32, in units of x's scale."""
        assert bias is None
        assert add is None
        assert not relu
        weight, run = self.operands(*x.shape[2:]), torch.ops.onednn.qconv2d_pointwise
        y: Tensor = run(x, 1.0, 0, *weight, None, *self._places, 1.0, 0, torch.float32, "none", [], "")
        return y

    def operands(self, height: int, width: int) -> list[Tensor]:
        """Weight, scale and zero points, as oneDNN takes them, for images of this size."""
        size = -(-height // self._stride), -(-width // self._stride)
        return [self._by_size.get(size, self._weight) if self._by_size else self._weight, self._scale, self._zeros]


@dataclass(frozen=True, kw_only=True, eq=False)
class Int8Matrix:
    """What signed rows (`int8_scripts.signed`) are multiplied with. The product of the quantised rows themselves is
    `ZERO_POINT` times the columns' sums more, which whoever makes the matrix has to add to a bias."""

    quantised: Tensor  # (K, C), int8
    scale: Tensor  # (C,)
