import gc

import numpy as np
import torch
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from server.residency.buffer_pool import BufferPool
from server.residency.tiers import Bytes

_KIB = 1024
_SPARE = 2048 * _KIB


def test_memory_of_a_bundle_that_has_gone_serves_the_next() -> None:
    buffers = BufferPool(spare_bytes=_SPARE)
    first = buffers.take(300 * _KIB)
    address = first.ctypes.data
    tensor = torch.from_numpy(first[64:].view(np.float32))
    del first
    other = buffers.take(300 * _KIB)
    assert other.ctypes.data != address  # the tensor still lies there
    del tensor
    assert buffers.take(310 * _KIB).ctypes.data == address


def test_arrays_begin_on_pages() -> None:
    assert BufferPool(spare_bytes=0).take(5).ctypes.data % 4096 == 0


class SlabsMachine(RuleBasedStateMachine):
    """Arrays in use never overlap and keep what was written; what nobody uses stays within its bound."""

    def __init__(self) -> None:
        super().__init__()
        self.buffers = BufferPool(spare_bytes=_SPARE)
        self.used: list[tuple[int, Bytes]] = []
        self.count = 0

    @rule(size=st.integers(1, 1500 * _KIB))
    def take(self, size: int) -> None:
        array = self.buffers.take(size)
        assert array.shape == (size,)
        self.count = (self.count + 1) % 251
        array[:] = self.count
        self.used.append((self.count, array))

    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        if self.used:
            self.used.pop(data.draw(st.integers(0, len(self.used) - 1)))
            gc.collect(0)

    @invariant()
    def written_is_kept(self) -> None:
        assert all(int(array.min()) == int(array.max()) == value for value, array in self.used)

    @invariant()
    def spare_is_bounded(self) -> None:
        assert self.buffers.spare_bytes <= _SPARE


TestSlabs = SlabsMachine.TestCase
TestSlabs.settings = settings(max_examples=50)  # of fifty steps each
