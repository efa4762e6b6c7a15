"""Runs a command and ends it when this process's parent goes, however it goes. Standard library only; run by path.

    python parent_watch.py PARENT_PID COMMAND...

The parent holds the other end of standard input: its end of file means "stop". Its process id is watched too, because
a child forked from the parent may keep the pipe open for longer.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from types import FrameType

POLL_SECONDS = 0.25
STOP_SECONDS = 20.0  # Redis writes nothing at the end but the rest of its append-only file
_PR_SET_PDEATHSIG = 1


def main() -> int:
    parent, command = int(sys.argv[1]), sys.argv[2:]
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def die_with_guardian() -> None:
        if libc is not None:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        close_fds=False,  # the folder's lock is handed on
        preexec_fn=die_with_guardian,  # noqa: PLW1509  (this process has one thread, which lives as long as it does)
    )

    def stop(_signal: int, _frame: FrameType | None) -> None:
        child.terminate()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    while child.poll() is None:
        readable, _, _ = select.select([sys.stdin], [], [], POLL_SECONDS)
        if (readable and not os.read(0, 1)) or os.getppid() != parent:
            return _end(child)
    return child.returncode


def _end(child: "subprocess.Popen[bytes]") -> int:
    child.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    try:
        return child.wait(timeout=deadline - time.monotonic())
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()


if __name__ == "__main__":
    sys.exit(main())
