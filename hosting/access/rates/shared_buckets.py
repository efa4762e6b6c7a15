"""Token buckets in memory that several processes map: a caller's requests count once, whichever of them they meet.

Sets of a few places: a caller's bucket is in any place of its set. Where all are taken, the one that is closest to full
makes room, and a full one says no more than none. A set is changed under a lock of the file's, which the kernel lets go
with the process that held it.
"""

import fcntl
import math
import struct
import threading
import time
from collections.abc import Callable, Hashable
from hashlib import blake2b

from hosting.errors import RateExceeded
from hosting.processes.shared_memory import mapped, new_file

_PLACE = struct.Struct("<Qd")  # hash of the caller, moment at which its bucket will be full again
_WAYS = 16  # places of a set
_SETS = 1024
_SET_BYTES = _WAYS * _PLACE.size


def new_buckets() -> int:
    """A descriptor of a file for `SharedBuckets`."""
    return new_file("nettailor-buckets", _SETS * _SET_BYTES)


class SharedBuckets:
    """As `rate_limit.Buckets`, over a descriptor. Monotonic clocks are the machine's, so all processes have one."""

    def __init__(
        self, descriptor: int, *, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.per_second = per_second
        self._step_s = 1 / per_second  # that a token takes to grow
        self._depth_s = burst / per_second
        self._clock = clock
        self._descriptor = descriptor
        self._memory = mapped(descriptor)
        self._lock = threading.Lock()  # the file's is the process's, whichever of its threads took it

    def take(self, who: Hashable) -> None:
        """A token of `who`, which is told from others by its `repr`. Raises `RateExceeded`, which takes none."""
        name = int.from_bytes(blake2b(repr(who).encode(), digest_size=8).digest(), "little")
        begin = name % _SETS * _SET_BYTES
        with self._lock:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX, _SET_BYTES, begin)
            try:
                self._take(name, begin)
            finally:
                fcntl.lockf(self._descriptor, fcntl.LOCK_UN, _SET_BYTES, begin)

    def _take(self, name: int, begin: int) -> None:
        now = self._clock()
        place, full_at = self._place(name, begin)
        full_at = max(now, full_at) + self._step_s
        wait_s = full_at - now - self._depth_s
        if wait_s > self._step_s * 1e-6:  # less is rounding
            raise RateExceeded(self.per_second, retry_after_seconds=max(1, math.ceil(wait_s)))
        _PLACE.pack_into(self._memory, place, name, full_at)

    def _place(self, name: int, begin: int) -> tuple[int, float]:
        """Where the bucket is or goes, and when it will be full."""
        fullest, least = begin, math.inf
        for place in range(begin, begin + _SET_BYTES, _PLACE.size):
            whose, full_at = _PLACE.unpack_from(self._memory, place)
            if whose == name:
                return place, full_at
            if full_at < least:
                fullest, least = place, full_at
        return fullest, -math.inf
