"""A process that does not outlive its parent."""

import ctypes
import os
import signal
import sys
import threading

_POLL_SECONDS = 0.5
_PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> None:
    """Have this process killed when its parent, the process of this id, ends; on Linux, when the thread of it that
    started this process does."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:  # it ended before the line above
        os._exit(1)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        threading.Event().wait(_POLL_SECONDS)
    os._exit(1)
