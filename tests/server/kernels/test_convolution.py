"""The packed convolution equals PyTorch's own."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from server.kernels.batch_layout import BatchLayoutKernel, layouts_vary
from server.kernels.convolution import OneDnnKernel, PlainKernel
from tests.server.kernels.onednn import needs_onednn

DTYPES = [dtype for dtype in (torch.float32, torch.bfloat16) if OneDnnKernel.available(dtype)]


@needs_onednn
@settings(max_examples=60)
@given(
    images=st.integers(1, 9),
    channels=st.sampled_from([(3, 16), (16, 16), (16, 40), (64, 64)]),
    side=st.integers(1, 20),
    shape=st.sampled_from([(1, 1, 0), (1, 2, 0), (3, 1, 1), (3, 2, 1), (7, 2, 3)]),  # kernel, stride, padding
    dtype=st.sampled_from(DTYPES),
    biased=st.booleans(),
    relu=st.booleans(),
    added=st.booleans(),
)
def test_packed_equals_plain(
    *,
    images: int,
    channels: tuple[int, int],
    side: int,
    shape: tuple[int, int, int],
    dtype: torch.dtype,
    biased: bool,
    relu: bool,
    added: bool,
) -> None:
    generator = torch.Generator().manual_seed(images * 100 + side)
    (c_in, c_out), (k, stride, padding) = channels, shape
    weight = torch.randn(c_out, c_in, k, k, generator=generator) / (c_in * k * k) ** 0.5
    x = torch.randn(images, side, side, c_in, generator=generator).to(dtype).permute(0, 3, 1, 2)
    bias = torch.randn(c_out, generator=generator).to(dtype) if biased else None
    placed = weight.to(dtype)
    packed = OneDnnKernel(placed, stride=stride, padding=padding)
    plain = PlainKernel(weight=placed.contiguous(memory_format=torch.channels_last), stride=stride, padding=padding)
    add = torch.randn_like(plain(x, None)) if added else None

    exact = PlainKernel(weight=placed.float(), stride=stride, padding=padding)
    expected = exact(
        x.float(),
        None if bias is None else bias.float(),
        relu=relu,
        add=None if add is None else add.float(),
    )
    tolerance = 1e-4 if dtype == torch.float32 else 0.06
    for kernel in (packed, plain, BatchLayoutKernel(placed, stride=stride, padding=padding)):
        torch.testing.assert_close(
            kernel(x, bias, relu=relu, add=add).float(), expected, rtol=tolerance, atol=tolerance
        )
    assert packed.size_bytes >= placed.numel() * placed.element_size()


def batch(images: int, side: int) -> torch.Tensor:
    return torch.randn(images, side, side, 256).permute(0, 3, 1, 2)


@needs_onednn
def test_weights_are_laid_out_once_for_a_kind_of_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    laid_out: list[tuple[int, int, int]] = []
    made = OneDnnKernel.__init__

    def watched(self: OneDnnKernel, weight: torch.Tensor, *, like: tuple[int, int, int], **places: int) -> None:
        laid_out.append(like)
        made(self, weight, like=like, **places)

    monkeypatch.setattr(OneDnnKernel, "__init__", watched)
    weight, likes = torch.randn(256, 256, 3, 3), [(8, 5, 5), (8, 14, 14), (8, 16, 16)]
    kernel = BatchLayoutKernel(weight, stride=1, padding=1)
    for _ in range(2):
        for images, side, _ in likes:
            kernel(batch(images, side), None)
    assert laid_out == likes
    layouts = {OneDnnKernel(weight, stride=1, padding=1, like=like).layout for like in likes}
    assert len(kernel.addresses) == len(set(kernel.addresses)) == 1 + len(layouts)
    assert layouts_vary() == (len(layouts) > 1)


@needs_onednn
def test_many_threads_share_the_copies() -> None:
    """Each with a number of threads of its own, which its copies are laid out for."""
    weight = torch.randn(256, 256, 3, 3) / 48
    kernel, plain = BatchLayoutKernel(weight, stride=1, padding=1), PlainKernel(weight=weight, stride=1, padding=1)
    batches = [batch(images, side) for images in (1, 2, 3) for side in (3, 8)]

    def run(threads: int) -> list[torch.Tensor]:
        torch.set_num_threads(threads)
        return [kernel(x, None) for x in batches]

    before = torch.get_num_threads()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(run, (1, 2, 1, 2)))
    torch.set_num_threads(before)  # a thread's number is also the one that later threads begin with
    for each in answers:
        for x, y in zip(batches, each, strict=True):
            torch.testing.assert_close(y, plain(x, None), rtol=1e-4, atol=1e-4)
    assert len(kernel.addresses) <= 1 + 2 * len(batches)
