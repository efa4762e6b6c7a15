"""What a piece of work has cost: time on the wall and time of the processor, all its attempts together."""

import json
import resource
import time
from dataclasses import asdict, dataclass
from pathlib import Path


def cpu_seconds() -> float:
    """Of this process and of its children that have ended, user and system."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


@dataclass(frozen=True, kw_only=True)
class Cost:
    seconds: float
    cpu_seconds: float


class Spent:
    """Counts from when it is made, on top of what an earlier attempt left in the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        before = Cost(**json.loads(path.read_text())) if path.exists() else Cost(seconds=0.0, cpu_seconds=0.0)
        self._started = time.monotonic() - before.seconds
        self._cpu_started = cpu_seconds() - before.cpu_seconds

    def save(self) -> Cost:
        """What was spent so far, which the file has from now on."""
        cost = Cost(seconds=time.monotonic() - self._started, cpu_seconds=cpu_seconds() - self._cpu_started)
        part = self._path.with_suffix(".part")
        part.write_text(json.dumps(asdict(cost)))
        part.replace(self._path)
        return cost
