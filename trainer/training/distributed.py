"""The processes that train one network together (`torchrun`), or this one alone.

Every process runs the same recipe on the same seeds and works on its share of each batch; gradients are summed, and
a decision that rests on a measurement is process 0's. Batch-norm in training sees a process's own share: with
statistics that follow the data, keep the shares as large as a batch should be.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class ProcessGroup:
    """Process `rank` of `size`."""

    rank: int = 0
    size: int = 1

    @classmethod
    def current(cls) -> "ProcessGroup":
        """The process group that torch.distributed was started with, if it was."""
        if not (dist.is_available() and dist.is_initialized()):
            return cls()
        return cls(rank=dist.get_rank(), size=dist.get_world_size())

    @property
    def leads(self) -> bool:
        """Whether this process writes the files and reports the progress."""
        return self.rank == 0

    def share(self, rows: Tensor) -> Tensor:
        """This process's part of a batch's rows (B,): as even as can be, in order."""
        return rows.tensor_split(self.size)[self.rank]

    def sum_gradients(self, parameters: Iterable[nn.Parameter], share: float) -> None:
        """Make every gradient that of the whole batch; `share` (0..1) is the part of its rows that was this one's."""
        if self.size == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([g.flatten() for g in gradients]) * share
        dist.all_reduce(flat)
        for gradient, summed in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(summed.view_as(gradient))

    def average_statistics(self, model: nn.Module) -> None:
        """Bring the running statistics of all processes to their mean."""
        if self.size == 1:
            return
        for buffer in model.buffers():
            if buffer.is_floating_point():
                dist.all_reduce(buffer)
                buffer.div_(self.size)

    def mean(self, value: float) -> float:
        """The mean of the values that the processes give."""
        if self.size == 1:
            return value
        total = torch.tensor(value, dtype=torch.float64)
        dist.all_reduce(total)
        return float(total) / self.size

    def agreed(self, value: Tensor) -> Tensor:
        """Process 0's tensor, on every process; shape and dtype are the same on all."""
        if self.size > 1:
            dist.broadcast(value, src=0)
        return value

    def wait(self) -> None:
        """Return when every process of the group has called this."""
        if self.size > 1:
            dist.barrier()
