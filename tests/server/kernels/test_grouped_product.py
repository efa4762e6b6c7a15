import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from server.kernels.grouped_product import grouped_product, has_kernel, looped_product


@given(st.lists(st.integers(0, 5), min_size=1, max_size=6), st.integers(0, 4), st.booleans())
def test_both_ways_multiply_each_group_by_its_own_matrix(sizes: list[int], behind: int, transposed: bool) -> None:
    x = torch.randn(sum(sizes) + behind, 16)
    weights = torch.randn(len(sizes), 24, 16).transpose(1, 2) if transposed else torch.randn(len(sizes), 16, 24)
    ends = torch.tensor(sizes).cumsum(0).int()
    expected = [part @ weight for part, weight in zip(x[: sum(sizes)].split(sizes), weights, strict=True)]
    for product in (looped_product, grouped_product):
        torch.testing.assert_close(product(x, weights, ends)[: sum(sizes)], torch.cat(expected))


def test_a_single_row_may_say_any_stride() -> None:
    x, weights, ends = torch.randn(16, 1).t(), torch.randn(2, 16, 8), torch.tensor([0, 1], dtype=torch.int32)
    assert x.stride() == (1, 1)
    torch.testing.assert_close(grouped_product(x, weights, ends), x @ weights[1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_cpu_has_no_kernel_for_it(dtype: torch.dtype) -> None:
    assert not has_kernel(torch.device("cpu"), dtype)
