"""What the pass in 8 bits does between two decisions, each as one call without Python inside.

TorchScript knows tensors, numbers and lists of them, so convolutions and matrices come taken apart, as
`Int8Convolution.operands` says them. Legend: N images, C channels, H W; activations are
(N, H, W, C), quantised ones uint8. `length` is how many images are worked on at a time, so that what one operation
wrote is still in the cache for the next.
"""

import torch
from torch import Tensor

from nettailor.bundle.tensors.ranges import ZERO_POINT
from server.kernels.scripted import scripted


def quantised(y: Tensor) -> Tensor:
    """uint8 from v / scale, float32, in whose memory it works; what lies beyond 0 ... 255 becomes the nearest of them,
    so that a ReLU before it is not needed."""
    return whole_numbers(y).to(torch.uint8)


def whole_numbers(y: Tensor) -> Tensor:
    """0 ... 255, as `quantised`, in int16: PyTorch turns float32 into uint8 five times more slowly (docs/log.md)."""
    return y.round_().clamp_(0, 255).to(torch.int16)


@scripted
def quantise_rows(x: Tensor, inverse: Tensor, length: int) -> Tensor:
    """Of x >= 0; `inverse` (N or 1, 1, 1, 1) is one over the scale of each row."""
    if len(x) <= length:
        return quantised(torch.mul(x, inverse))
    whole = torch.empty_like(x, dtype=torch.uint8)
    for start in range(0, len(x), length):
        own = inverse if len(inverse) == 1 else inverse[start : start + length]
        whole[start : start + length] = whole_numbers(torch.mul(x[start : start + length], own))
    return whole


def max_pool_bytes(x: Tensor, *, kernel: int, stride: int) -> Tensor:
    """Of quantised activations, padding kernel // 2, what quantising the pooled ones would give:
    (N, H, W, C) -> (N, ceil(H / stride), ceil(W / stride), C)."""
    # `max_pool2d` itself refuses large images of bytes (findings/torch_max_pool_of_bytes.sh) and is ten times slower.
    y: Tensor = torch.ops.quantized.max_pool2d(
        x.permute(0, 3, 1, 2), [kernel] * 2, [stride] * 2, [kernel // 2] * 2, [1, 1], False
    )
    return y.permute(0, 2, 3, 1).contiguous()


def _convolved(x: Tensor, operands: list[Tensor], places: list[int]) -> Tensor:
    stride, padding = [places[0], places[0]], [places[1], places[1]]
    weight, scale, zeros = operands[0], operands[1], operands[2]
    x = x.permute(0, 3, 1, 2)
    y: Tensor = torch.ops.onednn.qconv2d_pointwise(
        x, 1.0, 0, weight, scale, zeros, None, stride, padding, [1, 1], 1, 1.0, 0, torch.float32, "none", [], ""
    )
    return y.permute(0, 2, 3, 1)


def _residual(
    x: Tensor, beside: Tensor, vectors: list[Tensor], operands: list[list[Tensor]], places: list[list[int]]
) -> Tensor:
    convolutions = (len(vectors) - 1) // 2  # of the branch; one more is the shortcut's
    for i in range(convolutions - 1):
        y = _convolved(x, operands[i], places[i])
        x = quantised(torch.addcmul(vectors[2 * i + 1], y, vectors[2 * i]))
    y = _convolved(x, operands[convolutions - 1], places[convolutions - 1])
    y = torch.addcmul(vectors[-1], y, vectors[-3])
    if len(operands) > convolutions:
        beside = _convolved(beside, operands[convolutions], places[convolutions])
    return y.addcmul_(beside, vectors[-2])


@scripted
def residual(
    x: Tensor,
    beside: Tensor,
    *,
    statistics: Tensor,
    sizes: list[int],
    operands: list[list[Tensor]],
    places: list[list[int]],
    length: int,
) -> Tensor:
    """A block: the branch over x, and `beside` as it is or through the shortcut's convolution, the last of them.

    `statistics` (N or 1, 1, 1, S) is cut into parts of these sizes, in the order of `server.engine.folding`.
    """
    vectors = list(statistics.split_with_sizes(sizes, -1))
    if len(x) <= length:
        return _residual(x, beside, vectors, operands, places)
    whole = x.new_empty(0, dtype=torch.float32)
    for start in range(0, len(x), length):
        stop = start + length
        own = vectors if len(statistics) == 1 else [vector[start:stop] for vector in vectors]
        piece = _residual(x[start:stop], beside[start:stop], own, operands, places)
        if start == 0:
            whole = piece.new_empty([len(x), piece.size(1), piece.size(2), piece.size(3)])
        whole[start:stop] = piece
    return whole


def signed(x: Tensor) -> Tensor:
    """Quantised activations less `ZERO_POINT`, as int8."""
    return torch.bitwise_xor(x, ZERO_POINT).view(torch.int8)


def _add_product(rows: Tensor, x: Tensor, weight: Tensor, scale: Tensor) -> Tensor:
    """To rows (n, C), in place: x (n, K) times weight (K, C) times scale (C,)."""
    large, tile = 131072, 64  # numbers; bytes of a row of one of AMX's tiles
    if rows.numel() < large or weight.size(0) % tile != 0:
        return rows.addcmul_(torch._int_mm(x, weight).to(torch.float32), scale)
    # Ten times the overhead, and no result in between that would have to be written and read once more. With other
    # widths it is wrong on processors with AMX: `findings/torch_int8_product_amx.sh`.
    zeros = torch.zeros(weight.size(1), dtype=torch.int64)
    added: Tensor = torch.ops.onednn.qlinear_pointwise(
        x,
        1.0,
        0,
        weight.to_mkldnn(),
        scale,
        zeros,
        rows,
        None,
        1.0,
        0,
        torch.float32,
        1.0,
        0,
        "sum",
        1.0,
        "none",
        [],
        "",
    )
    return added


@scripted
def add_products(
    x: Tensor, starts: list[int], inputs: list[list[Tensor]], weights: list[Tensor], scales: list[Tensor]
) -> list[Tensor]:
    """To the pixels of x from each start on, in place: a task's inputs, signed, (n, K) side by side, times its matrix.

    Returns what was added to. TorchScript believes the larger product to change nothing, and leaves it out where nobody
    wants its result.
    """
    pixels = x.view(-1, x.shape[3])
    changed: list[Tensor] = []
    for i in range(len(starts)):
        read = inputs[i][0] if len(inputs[i]) == 1 else torch.cat(inputs[i], 1)
        own = pixels.narrow(0, starts[i], read.size(0))
        changed.append(_add_product(own, read, weights[i], scales[i]))
    return changed


@scripted
def product_relu(x: Tensor, weight: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """ReLU(product + bias): (n, C), float32; x (n, K), signed, `weight` (K, C), `scale` and `bias` (C,)."""
    return _add_product(bias.repeat([x.size(0), 1]), x, weight, scale).relu_()
