"""A process that leaves the processor to others: whoever waits for an answer comes first."""

import contextlib
import os
import time
from pathlib import Path

_GROUP = Path("/proc/self/autogroup")
_AGAIN_SECONDS = 0.15  # the kernel lets one process change its group in a tenth of a second
_ATTEMPTS = 20


def yield_processor(niceness: int) -> None:
    """Be nicer to others by so much (0..19), where this process leads a session, to those of other sessions as well.

    Most Linux kernels share the processor among sessions first (autogroup, sched(7)), and niceness counts only within
    one: beside a server in another session a process would have as much of the processor as that, however nice it is.
    A session that others lead, such as a terminal, is left as it is.
    """
    reached = os.nice(niceness)
    if niceness and os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):  # no Linux, a kernel without such groups, or a /proc that is not for writing
            _lower_group(reached)


def _lower_group(niceness: int) -> None:
    for _ in range(_ATTEMPTS):
        try:
            _GROUP.write_text(str(niceness))
        except BlockingIOError:
            time.sleep(_AGAIN_SECONDS)  # another process has just changed its group; nothing tells when ours may be
        else:
            return
