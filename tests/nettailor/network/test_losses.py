"""The distance that training goes by, against PyTorch's own."""

import pytest
import torch
from torch.nn import functional as F

from nettailor.network.losses import mean_square


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_value_and_gradient_are_those_of_the_mean_squared_error(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    x, target = (torch.randn(3, 5, 4, 2, generator=generator).to(dtype) for _ in range(2))
    target[0] = x[0]  # no distance at all is no division by 0
    fast, slow = x.clone().requires_grad_(), x.double().requires_grad_()
    found, expected = 3 * mean_square(fast, target), 3 * F.mse_loss(slow, target.double())
    found.backward()
    expected.backward()
    assert found.dtype == torch.promote_types(dtype, torch.float32)
    assert fast.grad is not None
    assert slow.grad is not None
    assert fast.grad.dtype == dtype
    rtol, atol = (1e-2, 1e-3) if dtype == torch.bfloat16 else (1e-5, 1e-7)
    torch.testing.assert_close(found.double(), expected, rtol=rtol, atol=atol)
    torch.testing.assert_close(fast.grad.double(), slow.grad, rtol=rtol, atol=atol)


def test_equal_tensors_have_no_distance_and_no_gradient() -> None:
    x = torch.ones(4, 2, requires_grad=True)
    mean_square(x, torch.ones(4, 2)).backward()
    assert x.grad is not None
    assert not x.grad.any()
