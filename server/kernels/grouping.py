"""How a device computes many tasks at once, where it does."""

from dataclasses import dataclass
from typing import Literal

import torch

from server.kernels.cuda_graphs import CudaRecorder
from server.kernels.graph_cache import Record
from server.kernels.grouped_product import MOST_GROUPS, GroupedProduct, grouped_product, has_kernel

Recorded = Literal["off", "blocks", "pass"]  # nothing; each shared block for itself; a whole pass of all blocks


@dataclass(frozen=True, kw_only=True, eq=False)
class Grouping:
    """A backbone's tasks have `slots` in one tensor, and all that are in a batch are multiplied by one product."""

    slots: int
    product: GroupedProduct
    recorded: Recorded = "off"
    record: Record | None = None  # as `recorded` wants it


def cuda_grouping(place: torch.device, dtype: torch.dtype, *, slots: int, recorded: Recorded) -> Grouping | None:
    """None: without slots, or where PyTorch has no kernel for it."""
    if not slots or not has_kernel(place, dtype):
        return None
    record = None if recorded == "off" else CudaRecorder(place)
    return Grouping(slots=min(slots, MOST_GROUPS), product=grouped_product, recorded=recorded, record=record)
