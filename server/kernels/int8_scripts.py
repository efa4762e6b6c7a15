"""What the pass in 8 bits does between two decisions, each as one call without Python inside: what comes back to Python
waits for its lock each time, which lanes and requests want at once (docs/log.md).

TorchScript knows tensors, numbers and lists of them, so convolutions and matrices come taken apart, as
`Int8Convolution.operands` says them. Legend: N images, C channels, H W; activations are
(N, H, W, C), quantised ones uint8. `length` is how many images are worked on at a time, so that what one operation
wrote is still in the cache for the next.
"""

import torch
from torch import Tensor

from server.kernels.scripted import scripted


def quantised(y: Tensor) -> Tensor:
    """uint8 from v / scale, float32, in whose memory it works; what lies beyond 0 ... 255 becomes the nearest of them,
    so that a ReLU before it is not needed."""
    return whole_numbers(y).to(torch.uint8)


def whole_numbers(y: Tensor) -> Tensor:
    """0 ... 255, as `quantised`, in int16: PyTorch turns float32 into uint8 five times more slowly (docs/log.md)."""
    return y.round_().clamp_(0, 255).to(torch.int16)


def signed(x: Tensor) -> Tensor:
    """Quantised activations (N, H, W, C) less `ZERO_POINT` (128), as int8 and as a matrix (N H W, C)."""
    return torch.bitwise_xor(x, 128).to(torch.int8).view(-1, x.size(3))  # of 128 and more the eighth bit is the sign


def _rows_of(x: Tensor, chosen: list[int]) -> Tensor:
    """Some rows, or all where none are named."""
    return x.index_select(0, torch.tensor(chosen)) if len(chosen) > 0 else x


def _a_row_each(vectors: list[Tensor], counts: list[int]) -> Tensor:
    """One vector (S,) a task, for so many rows each -> (N or 1, 1, 1, S)."""
    if len(vectors) == 1:
        return vectors[0].view(1, 1, 1, -1)
    each: list[Tensor] = []
    for i in range(len(vectors)):
        for _ in range(counts[i]):
            each.append(vectors[i])
    return torch.stack(each).view(len(each), 1, 1, -1)


def _quantised_rows(x: Tensor, inverse: Tensor, length: int) -> Tensor:
    if len(x) <= length:
        return quantised(torch.mul(x, inverse))
    whole = torch.empty_like(x, dtype=torch.uint8)
    for start in range(0, len(x), length):
        own = inverse if len(inverse) == 1 else inverse[start : start + length]
        whole[start : start + length] = whole_numbers(torch.mul(x[start : start + length], own))
    return whole


@scripted
def quantise(x: Tensor, inverses: list[Tensor], counts: list[int], length: int, *, relu: bool) -> tuple[Tensor, Tensor]:
    """What convolutions and what proxies read of x, whose memory gets a ReLU first where it is to have one: uint8, and
    `signed`. `inverses`, (1,) each, are one over the scales of the rows of each task, of which there are `counts`."""
    if relu:
        x.relu_()
    read = _quantised_rows(x, _a_row_each(inverses, counts), length)
    return read, signed(read)


@scripted
def pool(x: Tensor, chosen: list[int], *, kernel: int, stride: int) -> tuple[Tensor, Tensor]:
    """Of the chosen rows of quantised activations, padding kernel // 2, what quantising the pooled ones would give:
    (N, H, W, C) -> (N, ceil(H / stride), ceil(W / stride), C), and that `signed`."""
    # `max_pool2d` itself refuses large images of bytes (findings/torch_max_pool_of_bytes.sh) and is ten times slower.
    y: Tensor = torch.ops.quantized.max_pool2d(
        _rows_of(x, chosen).permute(0, 3, 1, 2),
        [kernel, kernel],
        [stride, stride],
        [kernel // 2, kernel // 2],
        [1, 1],
        False,
    )
    read = y.permute(0, 2, 3, 1).contiguous()
    return read, signed(read)


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


def _block(
    x: Tensor,
    beside: Tensor,
    statistics: Tensor,
    *,
    sizes: list[int],
    operands: list[list[Tensor]],
    places: list[list[int]],
    length: int,
) -> Tensor:
    """The branch over x, and `beside` as it is or through the shortcut's convolution, the last of them.

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


def _among(y: Tensor, rows: int, at: list[int], spans: list[list[int]], biases: list[Tensor]) -> Tensor:
    """So many rows: y at these places, and in each span, [first row, number of rows], a bias (C,)."""
    whole = y.new_empty([rows, y.size(1), y.size(2), y.size(3)])
    whole.index_copy_(0, torch.tensor(at), y)
    for i in range(len(spans)):
        whole[spans[i][0] : spans[i][0] + spans[i][1]] = biases[i]
    return whole


@scripted
def block(
    x: Tensor,
    read: Tensor,
    chosen: list[int],
    statistics: list[Tensor],
    counts: list[int],
    *,
    sizes: list[int],
    operands: list[list[Tensor]],
    places: list[list[int]],
    length: int,
    at: list[int],
    spans: list[list[int]],
    biases: list[Tensor],
) -> Tensor:
    """A shared block over the chosen rows, which are those of the tasks that keep it: `statistics` (S,) and a count of
    rows each. Where there are other tasks, these rows come to lie `at` places among theirs, of which each has a span,
    [first, number], and a bias (C,)."""
    own = _rows_of(read, chosen)
    beside = own if len(operands) > (len(sizes) - 1) // 2 else _rows_of(x, chosen)
    vectors = _a_row_each(statistics, counts)
    y = _block(own, beside, vectors, sizes=sizes, operands=operands, places=places, length=length)
    if len(spans) == 0:
        return y
    rows = len(y)
    for span in spans:
        rows += span[1]
    return _among(y, rows, at, spans, biases)


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
    x: Tensor,
    spans: list[list[int]],
    *,
    sources: list[Tensor],
    reads: list[list[int]],
    weights: list[Tensor],
    scales: list[Tensor],
) -> list[Tensor]:
    """To the pixels of each task's span of x, [first pixel, number of pixels], in place: what it reads, side by side,
    times its matrix. A `read` says of which of the sources (`signed`) and from which pixel on, pair after pair.

    Returns what was added to. TorchScript believes the larger product to change nothing, and leaves it out where nobody
    wants its result; so no other function does this beside something else.
    """
    pixels = x.view(-1, x.shape[3])
    changed: list[Tensor] = []
    for i in range(len(spans)):
        first, count = spans[i][0], spans[i][1]
        parts: list[Tensor] = []
        for k in range(0, len(reads[i]), 2):
            parts.append(sources[reads[i][k]].narrow(0, reads[i][k + 1], count))
        read = parts[0] if len(parts) == 1 else torch.cat(parts, 1)
        changed.append(_add_product(pixels.narrow(0, first, count), read, weights[i], scales[i]))
    return changed


@scripted
def product_relu(x: Tensor, weight: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """ReLU(product + bias): (n, C), float32; x (n, K), signed, `weight` (K, C), `scale` and `bias` (C,)."""
    return _add_product(bias.repeat([x.size(0), 1]), x, weight, scale).relu_()


@scripted
def classify(x: Tensor, weights: list[Tensor], biases: list[Tensor], counts: list[int]) -> list[Tensor]:
    """Logits (n, K) of each task of x (N, H, W, C); `weights` (K, C), `biases` (K,)."""
    features = x.mean([1, 2])
    logits: list[Tensor] = []
    start = 0
    for i in range(len(weights)):
        logits.append(torch.addmm(biases[i], features.narrow(0, start, counts[i]), weights[i].t()))
        start += counts[i]
    return logits
