from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from server.engine.backbone import pack_shared
from server.kernels.convolution import Kernel, PlainKernel
from server.kernels.device import CpuDevice
from server.kernels.thread_lanes import ThreadLanes
from tests.server.oracle import backbone


@dataclass(frozen=True, kw_only=True, eq=False)
class Noting(PlainKernel):
    """Notes for which sizes of results it was prepared, and which it gave."""

    prepared: set[tuple[int, int]] = field(default_factory=set)
    given: set[tuple[int, int]] = field(default_factory=set)

    def prepare(self, height: int, width: int) -> None:
        self.prepared.add((height, width))

    def __call__(self, x: Tensor, bias: Tensor | None, *, relu: bool = False, add: Tensor | None = None) -> Tensor:
        y = super().__call__(x, bias, relu=relu, add=add)
        self.given.add((y.shape[2], y.shape[3]))
        return y


class NotingDevice(CpuDevice):
    def pack(self, weight: NDArray[np.float32], *, stride: int, padding: int) -> Kernel:
        return Noting(weight=self.put(weight), stride=stride, padding=padding)


@pytest.mark.parametrize("name", ["mini26", "resnet50"])
def test_convolutions_are_prepared_for_what_they_will_give(name: str) -> None:
    shared = pack_shared(backbone(name), NotingDevice(lanes=ThreadLanes(1)))
    shared.prepare(70)
    with torch.inference_mode():
        x = shared.run_stem(torch.zeros(1, 70, 70, 3))
        for block in shared.blocks:
            x = block(x).relu_()
    kernels = [k for block in shared.blocks for conv in block.convolutions if isinstance(k := conv.kernel, Noting)]
    assert kernels
    assert [kernel.prepared for kernel in kernels] == [kernel.given for kernel in kernels]
