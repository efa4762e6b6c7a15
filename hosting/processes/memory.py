"""How much memory there is, and a watch over what a process takes of it.

Limits of the system do not fit here. RLIMIT_AS counts addresses, of which torch holds three times what it uses, more
with CUDA; RLIMIT_DATA also counts what was never touched; and a process at either ends in whatever way its libraries
take a failed allocation. Only root may write to cgroups on most machines. So a thread of the parent looks at the child.
"""

import contextlib
import logging
import os
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.1  # in which a process may take some hundred megabytes more
_OF_THE_PROCESS = Path("/proc/self/cgroup")
_CGROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = re.compile(r"^\d+:(|.*\bmemory\b.*):/(.*)$", re.MULTILINE)


def available_bytes(of_the_process: Path = _OF_THE_PROCESS, cgroups: Path = _CGROUPS) -> int:
    """The machine's memory, or what the cgroups around this process allow of it (containers are such)."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([machine, *_limits(of_the_process, cgroups)])


def _limits(of_the_process: Path, cgroups: Path) -> Iterator[int]:
    try:
        memberships = _MEMBERSHIP.findall(of_the_process.read_text())
    except OSError:
        return  # no Linux
    for controllers, place in memberships:  # of the second version, which lists none, or of the first
        root, name = (cgroups / "memory", "memory.limit_in_bytes") if controllers else (cgroups, "memory.max")
        parts = Path(place).parts
        for depth in range(len(parts) + 1):
            with contextlib.suppress(OSError, ValueError):  # it is not there, or says "max"
                yield int(root.joinpath(*parts[:depth], name).read_text())


def private_bytes(pid: int) -> int:
    """The memory that is a process's own: files that it maps are not. 0 where that cannot be told."""
    resident, shared = _pages(pid)
    return (resident - shared) * os.sysconf("SC_PAGE_SIZE")


def resident_bytes(pid: int) -> int:
    """The same with what it has mapped of files, and in memory."""
    return _pages(pid)[0] * os.sysconf("SC_PAGE_SIZE")


def _pages(pid: int) -> tuple[int, int]:
    """Resident, and of these shared."""
    try:
        _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_text().split()
    except (OSError, ValueError):
        return 0, 0
    return int(resident), int(shared)


class MemoryWatch:
    """Kills a child process whose private memory passes a limit. On systems other than Linux it does nothing.

    A context manager; or call `stop` when the process has ended.
    """

    def __init__(self, pid: int, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.exceeded = False  # whether it was killed for this
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory-watch", daemon=True)
        try:
            self._handle = os.pidfd_open(pid)  # a number may stand for another process later, this does not
        except (AttributeError, OSError):
            return
        self._thread.start()

    @property
    def is_watching(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        self._ended.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _watch(self) -> None:
        try:
            while not self._ended.wait(_POLL_SECONDS):
                held = private_bytes(self._pid)
                if held > self.limit_bytes:
                    logger.warning("process %s takes %s MiB of memory and is killed", self._pid, held >> 20)
                    self.exceeded = True
                    signal.pidfd_send_signal(self._handle, signal.SIGKILL)
                    return
        except ProcessLookupError:
            self.exceeded = False  # it has ended by itself
        finally:
            os.close(self._handle)
