"""Why a job process ended, as far as that can be seen from outside."""

import re
import signal
from pathlib import Path

_COUNTERS = (Path("/sys/fs/cgroup/memory.events"), Path("/proc/vmstat"))  # of this container; of the machine
_OOM_KILLS = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)
_NO_MEMORY = re.compile(r"MemoryError|OutOfMemoryError|out of memory|can(no|')t allocate memory", re.IGNORECASE)
_LONGEST = 500


def oom_kills(counters: tuple[Path, ...] = _COUNTERS) -> int:
    """How many processes the kernel has killed for memory so far, by the first counter there is; 0 without one."""
    for path in counters:
        try:
            found = _OOM_KILLS.search(path.read_text())
        except OSError:
            continue
        if found:
            return int(found[1])
    return 0


def of_signal(number: int, *, peak_mib: float | None, oom_kills_meanwhile: int) -> str:
    """The reason of a process that a signal ended. `peak_mib` is the most memory it held, None if that is unknown."""
    text = f"killed by signal {number} ({signal.Signals(number).name})"
    if peak_mib is not None:
        text += f"; it held {peak_mib:.0f} MiB at most"
    if number == signal.SIGKILL and oom_kills_meanwhile > 0:
        return f"out of memory: {text}, and the kernel killed a process for memory meanwhile"
    return text


def of_trace(trace: str) -> str:
    """The reason of a process that an exception ended: the last line of its traceback."""
    lines = [line.strip(" ;") for line in trace.strip().splitlines()]
    text = lines[-1][:_LONGEST] if lines else "no reason given"
    return f"out of memory: {text}" if _NO_MEMORY.search(text) else text
