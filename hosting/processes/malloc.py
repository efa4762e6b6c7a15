"""glibc's malloc in a long-lived process of many threads."""

import ctypes
import os

_M_ARENA_MAX = -8  # of <malloc.h>
_SAID_OTHERWISE = ("MALLOC_ARENA_MAX", "GLIBC_TUNABLES")


def give_back() -> None:
    """Return to the system what no part of the process uses any more.

    glibc keeps the memory of a freed image in the arena of the thread that decoded it: half a gigabyte after a few
    large ones (docs/log.md). It takes about 200 ms for every gigabyte returned. Does nothing where the C library
    is another.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def bound_arenas() -> None:
    """Let threads share as many arenas as there are cores; call it before threads are started.

    glibc gives up to eight arenas a core to threads, and each keeps for itself what its busiest moment needed: the
    memory of a service that answers from pools of threads then grows for hours while what it uses does not
    (docs/log.md). Does nothing where the environment says how many there are to be, or the C library is another.
    """
    if any(name in os.environ for name in _SAID_OTHERWISE):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, max(2, os.cpu_count() or 1))
