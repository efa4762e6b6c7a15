"""Products in 8 bits equal the same sums of whole numbers."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from nettailor.bundle.tensors.ranges import ZERO_POINT
from server.engine.backbone import max_pool
from server.kernels.int8 import Int8Convolution, quantise_weight
from server.kernels.int8_scripts import add_products, pool, product_relu, quantise, signed
from tests.server.int8_machine import needs_int8


def convolved(x: Tensor, weight: Tensor, *, stride: int, padding: int) -> Tensor:
    quantised, scale = quantise_weight(weight)
    sums = F.conv2d(x.double(), quantised.double(), None, stride, padding)
    return (sums * scale.double().view(-1, 1, 1)).float()


def images(count: int, channels: int, side: int, generator: torch.Generator) -> Tensor:
    """uint8, (N, C, H, W) in channels-last memory."""
    shape = (count, side, side, channels)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator).permute(0, 3, 1, 2)


@needs_int8
@settings(max_examples=40)
@given(
    count=st.integers(1, 9),
    channels=st.sampled_from([(16, 16), (16, 40), (64, 64), (512, 512)]),
    side=st.integers(1, 20),
    shape=st.sampled_from([(1, 1, 0), (1, 2, 0), (3, 1, 1), (3, 2, 1)]),  # kernel, stride, padding
    prepared=st.booleans(),
)
def test_convolution(
    *, count: int, channels: tuple[int, int], side: int, shape: tuple[int, int, int], prepared: bool
) -> None:
    generator = torch.Generator().manual_seed(100 * count + side)
    (c_in, c_out), (k, stride, padding) = channels, shape
    weight = torch.randn(c_out, c_in, k, k, generator=generator)
    kernel = Int8Convolution(weight, stride=stride, padding=padding)
    if prepared:
        kernel.prepare(-(-side // stride), -(-side // stride))
    x = images(count, c_in, side, generator)
    expected = convolved(x, weight, stride=stride, padding=padding)
    torch.testing.assert_close(kernel(x, None), expected, rtol=1e-5, atol=1e-5 * float(expected.abs().max()))


@needs_int8
def test_the_largest_sums_are_exact() -> None:
    """Where a processor adds products in 16 bits, these are cut off."""
    kernel = Int8Convolution(torch.ones(16, 512, 3, 3), stride=1, padding=1)
    x = torch.full((1, 512, 5, 5), 255, dtype=torch.uint8).contiguous(memory_format=torch.channels_last)
    assert kernel(x, None)[0, :, 2, 2].tolist() == pytest.approx([255 * 512 * 9] * 16, rel=1e-6)


@needs_int8
def test_a_channel_without_weights_gives_nothing() -> None:
    weight = torch.randn(16, 16, 1, 1)
    weight[3] = 0
    kernel = Int8Convolution(weight, stride=1, padding=0)
    y = kernel(images(2, 16, 4, torch.Generator().manual_seed(0)), None)
    assert y[:, 3].abs().max() == 0
    assert y.isfinite().all()


@needs_int8
def test_weights_are_told_rounded_whatever_their_layout() -> None:
    weight = torch.randn(512, 512, 3, 3)
    quantised, scale = quantise_weight(weight)
    kernel = Int8Convolution(weight, stride=1, padding=1)
    before = kernel.size_bytes
    for size in (3, 4, 7, 16):
        kernel.prepare(size, size)
    torch.testing.assert_close(kernel.weight, quantised * scale.view(-1, 1, 1, 1))
    assert len(kernel.addresses) == len(set(kernel.addresses))
    # A layout takes 2.4 MB; there are no more than two of them on any processor that was seen.
    assert kernel.size_bytes <= 2 * before


@needs_int8
def test_one_convolution_in_many_threads() -> None:
    weight, generator = torch.randn(64, 64, 3, 3), torch.Generator().manual_seed(0)
    kernel = Int8Convolution(weight, stride=1, padding=1)
    batches = [images(2, 64, side, generator) for side in range(3, 19)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda x: kernel(x, None), batches))
    for x, answer in zip(batches, answers, strict=True):
        torch.testing.assert_close(answer, convolved(x, weight, stride=1, padding=1), rtol=1e-5, atol=1e-2)


@needs_int8
@settings(max_examples=60)
@given(
    rows=st.sampled_from([1, 7, 9, 25, 64, 324, 2048]),  # of the last the larger product
    parts=st.lists(st.sampled_from([16, 32, 48, 64, 96, 160]), min_size=1, max_size=3),
    columns=st.sampled_from([16, 32, 64, 256]),
)
@example(rows=2048, parts=[160], columns=64)  # the larger product is wrong for these on processors with AMX
@example(rows=2048, parts=[64, 128], columns=64)
@example(rows=1024, parts=[128, 48], columns=128)
def test_matrices(rows: int, parts: list[int], columns: int) -> None:
    """Of two tasks, each times inputs side by side, added in place where it has its rows; and one behind a ReLU."""
    width, generator = sum(parts), torch.Generator().manual_seed(rows)
    x = torch.randint(0, 256, (2 * rows, width), dtype=torch.uint8, generator=generator)
    quantised, scale = quantise_weight(torch.randn(columns, width, generator=generator))
    weight, bias = quantised.t().contiguous(), torch.randn(columns, generator=generator)
    product = ((x.double() - ZERO_POINT) @ weight.double() * scale).float()
    sources = [signed(part.contiguous().view(2, rows, 1, -1)) for part in x.split(parts, 1)]
    behind = product_relu(torch.cat(sources, 1), weight, scale, bias)
    torch.testing.assert_close(behind, (product + bias).relu(), rtol=1e-5, atol=1e-2)
    before = torch.randn(1, 2 * rows + 2, 1, columns, generator=generator)
    target = before.clone()
    reads = [[number for k in range(len(parts)) for number in (k, first)] for first in (rows, 0)]
    spans = [[0, rows], [rows + 1, rows]]
    add_products(target, spans, sources=sources, reads=reads, weights=[weight] * 2, scales=[scale] * 2)
    before[0, :rows, 0] += product[rows:]
    before[0, rows + 1 : -1, 0] += product[:rows]
    torch.testing.assert_close(target, before, rtol=1e-5, atol=1e-2)


def bytes_of(x: Tensor) -> Tensor:
    return quantise(x, [torch.ones(1)], [len(x)], len(x), relu=False)[0]


@given(
    count=st.integers(1, 3),
    side=st.integers(1, 30),
    channels=st.sampled_from([3, 16, 64, 96]),
    stride=st.sampled_from([2, 4, 8]),
    backwards=st.booleans(),
)
def test_pooling_bytes_is_quantising_what_was_pooled(
    *, count: int, side: int, channels: int, stride: int, backwards: bool
) -> None:
    generator = torch.Generator().manual_seed(side)
    x = 300 * torch.rand(count, side, side, channels, generator=generator)
    rows, kernel = list(range(count))[::-1] if backwards else [], stride + 1
    pooled, low = pool(bytes_of(x), rows, kernel=kernel, stride=stride)
    assert torch.equal(pooled, bytes_of(max_pool(x[rows or ...], kernel=kernel, stride=stride)))
    assert pooled.is_contiguous()
    assert torch.equal(low.int() + ZERO_POINT, pooled.view(low.shape).int())


def test_large_images_of_bytes_are_pooled() -> None:
    x = torch.arange(300, dtype=torch.int16).clamp(max=255).to(torch.uint8).view(1, 1, 300, 1).expand(1, 300, 300, 1)
    pooled, _ = pool(x.contiguous(), [], kernel=3, stride=2)
    assert pooled.shape == (1, 150, 150, 1)
    assert pooled[0, 7, :5, 0].tolist() == [1, 3, 5, 7, 9]


@given(counts=st.lists(st.integers(1, 4), min_size=1, max_size=4), length=st.integers(1, 9), relu=st.booleans())
def test_every_row_is_quantised_with_the_scale_of_its_task(counts: list[int], length: int, relu: bool) -> None:
    generator = torch.Generator().manual_seed(length)
    x = 40 * torch.randn(sum(counts), 3, 2, 5, generator=generator)
    inverses = [torch.rand(1, generator=generator) * 9 for _ in counts]
    each = torch.cat(inverses).repeat_interleave(torch.tensor(counts)).view(-1, 1, 1, 1)
    expected = (x * each).round().clamp(0, 255).to(torch.uint8)
    behind = x.clone()
    read, low = quantise(behind, inverses, counts, length, relu=relu)
    assert torch.equal(read, expected)
    assert torch.equal(low, signed(read))
    assert torch.equal(low.int().view(read.shape) + ZERO_POINT, read.int())
    assert torch.equal(behind, x.relu() if relu else x)
