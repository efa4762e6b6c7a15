"""The packed convolution equals PyTorch's own."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from server.kernels import OneDnnKernel, PlainKernel

DTYPES = [dtype for dtype in (torch.float32, torch.bfloat16) if OneDnnKernel.available(dtype)]


@pytest.mark.skipif(not OneDnnKernel.available(), reason="this build of PyTorch has no oneDNN")
@settings(max_examples=60, deadline=None)
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
    for kernel in (packed, plain):
        torch.testing.assert_close(
            kernel(x, bias, relu=relu, add=add).float(), expected, rtol=tolerance, atol=tolerance
        )
    assert packed.size_bytes >= placed.numel() * placed.element_size()
