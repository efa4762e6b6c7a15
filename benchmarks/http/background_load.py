"""Whether anybody else was at work on the machine while something was measured."""

import resource
import time
from collections.abc import Iterable

import psutil

from benchmarks.measuring.processes import Served


class BackgroundLoad:
    """Counts from its making on. Everything this process has started must be over, or be among `servers`."""

    def __init__(self, servers: Iterable[Served]) -> None:
        self._servers = list(servers)
        self._began = time.monotonic()
        self._others_s = self._others_so_far()

    @property
    def cores(self) -> float:
        """Cores that others kept busy, on average."""
        return (self._others_so_far() - self._others_s) / (time.monotonic() - self._began)

    def _others_so_far(self) -> float:
        times = psutil.cpu_times()
        machine = times.user + times.nice + times.system + times.irq + times.softirq
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        own = time.process_time() + ended.ru_utime + ended.ru_stime
        return float(machine - own - sum(served.cpu_seconds() for served in self._servers))
