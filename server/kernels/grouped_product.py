"""Many small matrix products as one, each group of rows with a matrix of its own: on CUDA a single launch.

Legend: S groups, R rows, K and C channels.
"""

import logging
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

logger = logging.getLogger(__name__)

MOST_GROUPS = 1023  # of PyTorch's kernel
ALIGNMENT = 8  # numbers of 16 bits: the kernel copies 16 bytes at a time, so that every stride has to be a multiple

# Rows x (R, K) that lie together by group, weights (S, K, C), and `ends` (S,) of int32: group i are the rows from
# ends[i - 1] to ends[i] - 1. A group may be empty. What comes out for rows behind the last group means nothing.
GroupedProduct = Callable[[Tensor, Tensor, Tensor], Tensor]


def looped_product(x: Tensor, weights: Tensor, ends: Tensor) -> Tensor:
    """One product a group: the obvious way, for any device and type. It waits until `ends` is known."""
    result = x.new_zeros(len(x), weights.shape[-1])
    start = 0
    for weight, end in zip(weights, ends.tolist(), strict=True):
        if end > start:
            torch.mm(x[start:end], weight, out=result[start:end])
        start = end
    return result


def grouped_product(x: Tensor, weights: Tensor, ends: Tensor) -> Tensor:
    """PyTorch's kernel, which reads `ends` on the device."""
    if len(x) == 1:  # the stride of a single row may be any number, which the kernel takes for a layout it has not
        x = x.as_strided(x.shape, (x.shape[1], 1))
    return F.grouped_mm(x, weights, offs=ends)


def has_kernel(place: torch.device, dtype: torch.dtype) -> bool:
    """Whether `grouped_product` is one launch there, and right: in bf16 on Hopper and datacentre Blackwell. Elsewhere
    PyTorch loops over the groups on the host and waits for `ends`, which is slower than what it is to replace."""
    if place.type != "cuda" or dtype != torch.bfloat16 or not hasattr(F, "grouped_mm"):
        return False
    if torch.cuda.get_device_capability(place)[0] not in (9, 10):
        return False
    try:
        agrees = _agrees(place, dtype)
    except RuntimeError as failure:  # a build without the kernel
        logger.warning("grouped products do not run here: %s", failure)
        return False
    if not agrees:
        logger.warning("grouped products are wrong here: tasks run one after another")
    return agrees


def _agrees(place: torch.device, dtype: torch.dtype) -> bool:
    """Whether it computes what the loop does, groups of odd sizes and empty ones among them."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(75, 192, generator=generator).to(place, dtype)
    weights = torch.randn(5, 64, 192, generator=generator).to(place, dtype).transpose(1, 2)
    ends = torch.tensor([7, 7, 40, 41, 75], device=place, dtype=torch.int32)
    found, expected = (product(x, weights, ends).float() for product in (grouped_product, looped_product))
    return torch.allclose(found, expected, rtol=0.02, atol=0.2)
