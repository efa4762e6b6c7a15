"""Memory for bundles, used again: the pages of one that has gone serve the next (torch-free; thread-safe).

Fresh pages cost more than reading a bundle from the page cache does: the kernel has to find and clear each of them, and
on a virtual machine that is milliseconds a bundle (docs/log.md).
"""

import mmap
import threading
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np

from server.residency.tiers import Bytes

_GRAIN = 256 * 1024  # bytes: buffers are multiples of it, so that bundles of about one size can use each other's
_LARGEST_FIT = 1.5  # a buffer more than so many times too large is left for a larger bundle


@dataclass(frozen=True, kw_only=True, eq=False)
class _Loan:
    """The arrays over a buffer keep this alive; once they are gone, so is it, and the buffer goes back to the pool."""

    buffer: Bytes
    size_bytes: int
    returned: "deque[Bytes]"

    @property
    def __array_interface__(self) -> dict[str, Any]:
        return {"version": 3, "typestr": "|u1", "shape": (self.size_bytes,), "data": (self.buffer.ctypes.data, False)}

    def __del__(self) -> None:
        self.returned.append(self.buffer)  # takes no lock: this may run in the middle of anything


class BufferPool:
    """Keeps at most `spare_bytes` that nobody uses."""

    def __init__(self, *, spare_bytes: int) -> None:
        self._spare_bytes = spare_bytes
        self._lock = threading.Lock()
        self._returned: deque[Bytes] = deque()
        self._spare: list[Bytes] = []

    def take(self, size_bytes: int) -> Bytes:
        """An array of so many bytes, on a page boundary; what is in it is left over from others."""
        with self._lock:
            self._collect()
            fitting = [
                buffer for buffer in self._spare if size_bytes <= buffer.nbytes <= _LARGEST_FIT * size_bytes + _GRAIN
            ]
            buffer = min(fitting, key=lambda buffer: buffer.nbytes, default=None)
            if buffer is not None:
                self._spare = [other for other in self._spare if other is not buffer]
        if buffer is None:
            buffer = np.frombuffer(mmap.mmap(-1, max(1, -(-size_bytes // _GRAIN)) * _GRAIN), np.uint8)
        return np.asarray(_Loan(buffer=buffer, size_bytes=size_bytes, returned=self._returned))

    @property
    def spare_bytes(self) -> int:
        """How much memory is kept that nobody uses now."""
        with self._lock:
            self._collect()
            return sum(buffer.nbytes for buffer in self._spare)

    def _collect(self) -> None:
        while self._returned:
            self._spare.append(self._returned.popleft())
        while sum(buffer.nbytes for buffer in self._spare) > self._spare_bytes:
            self._spare.pop(0)
