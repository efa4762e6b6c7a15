"""glibc's malloc in a long-lived process of many threads."""

import ctypes
import functools
import os

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # of <malloc.h>
_SAID_OTHERWISE = ("MALLOC_ARENA_MAX", "GLIBC_TUNABLES")
_KEPT_PIECE_BYTES = 32 << 20  # the most that every glibc takes for this
_KEPT_BYTES = 1 << 30


def give_back() -> None:
    """Return to the system what no part of the process uses any more.

    glibc keeps the memory of a freed image in the arena of the thread that decoded it: half a gigabyte after a few
    large ones (docs/log.md). It takes about 200 ms for every gigabyte returned. Does nothing where the C library
    is another.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


@functools.cache
def keep_freed() -> None:
    """Keep what is freed, up to a gigabyte and but for large pieces, for what is allocated next; for a process that
    ends when its work does.

    Training allocates and frees the same few tensors at every step. What goes back to the system each time is cleared,
    and mapped anew page by page: 3% of a step (docs/log.md). Does nothing where the environment says how it is to be,
    or the C library is another.
    """
    if any(name.startswith("MALLOC_") or name == "GLIBC_TUNABLES" for name in os.environ):
        return
    _set(_M_MMAP_THRESHOLD, _KEPT_PIECE_BYTES)
    _set(_M_TRIM_THRESHOLD, _KEPT_BYTES)


def bound_arenas() -> None:
    """Let threads share as many arenas as there are cores; call it before threads are started.

    glibc gives up to eight arenas a core to threads, and each keeps for itself what its busiest moment needed: the
    memory of a service that answers from pools of threads then grows for hours while what it uses does not
    (docs/log.md). Does nothing where the environment says how many there are to be, or the C library is another.
    """
    if any(name in os.environ for name in _SAID_OTHERWISE):
        return
    _set(_M_ARENA_MAX, max(2, os.cpu_count() or 1))


def _set(option: int, value: int) -> None:
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(option, value)
