"""What every version has answered so far: counts and times that only grow, so that differences add up (torch-free).

One request is one `success` or one `fail`. One batch is one execution of every version that has images in it, with as
many images as it has there; `inference_count` is the sum of these. Whichever protocol a request came by, it counts.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

Version = tuple[str, int]  # a task and the number of one of its versions

_VERSIONS = 4096  # that are remembered; whichever was asked longest ago is forgotten first


@dataclass(kw_only=True)
class Duration:
    """How often something happened, and how long it took in all."""

    count: int = 0
    ns: int = 0

    def add(self, seconds: float) -> None:
        self.count += 1
        self.ns += max(0, round(seconds * 1e9))

    def copy(self) -> "Duration":
        return Duration(count=self.count, ns=self.ns)


@dataclass(kw_only=True)
class VersionStatistics:
    """`queue` is the wait for the bundle and the engine, `compute_input` that for the images to be decoded,
    `compute_infer` the batches' time in the engine. `batches` are executions by how many images a version had there."""

    last_inference_ms: int = 0  # since the epoch
    inference_count: int = 0  # images
    execution_count: int = 0  # batches
    success: Duration = field(default_factory=Duration)
    fail: Duration = field(default_factory=Duration)
    queue: Duration = field(default_factory=Duration)
    compute_input: Duration = field(default_factory=Duration)
    compute_infer: Duration = field(default_factory=Duration)
    batches: dict[int, Duration] = field(default_factory=dict)

    def copy(self) -> "VersionStatistics":
        return VersionStatistics(
            last_inference_ms=self.last_inference_ms,
            inference_count=self.inference_count,
            execution_count=self.execution_count,
            success=self.success.copy(),
            fail=self.fail.copy(),
            queue=self.queue.copy(),
            compute_input=self.compute_input.copy(),
            compute_infer=self.compute_infer.copy(),
            batches={size: duration.copy() for size, duration in sorted(self.batches.items())},
        )


@dataclass(frozen=True, kw_only=True)
class Answered:
    """The times of a request that was answered, in seconds."""

    total_s: float
    queue_s: float
    input_s: float
    inference_s: float


class Statistics:
    """Thread-safe."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._by_version: OrderedDict[Version, VersionStatistics] = OrderedDict()

    def batch_ran(self, images: Mapping[Version, int], seconds: float) -> None:
        """`images` of each version that is in the batch."""
        with self._lock:
            for version, count in images.items():
                found = self._of(version)
                found.execution_count += 1
                found.inference_count += count
                found.last_inference_ms = int(self._clock() * 1000)
                found.batches.setdefault(count, Duration()).add(seconds)

    def answered(self, version: Version, times: Answered) -> None:
        with self._lock:
            found = self._of(version)
            found.success.add(times.total_s)
            found.queue.add(times.queue_s)
            found.compute_input.add(times.input_s)
            found.compute_infer.add(times.inference_s)

    def failed(self, versions: Iterable[Version], seconds: float) -> None:
        """A request for these was refused, broke or was given up."""
        with self._lock:
            for version in versions:
                self._of(version).fail.add(seconds)

    def of(self, version: Version) -> VersionStatistics:
        """As it is now; zeros for what nobody asked yet."""
        with self._lock:
            return self._by_version.get(version, VersionStatistics()).copy()

    def all(self) -> dict[Version, VersionStatistics]:
        """Of everything that was asked, as it is now."""
        with self._lock:
            return {version: found.copy() for version, found in sorted(self._by_version.items())}

    def forget_task(self, task: str) -> None:
        with self._lock:
            for version in [version for version in self._by_version if version[0] == task]:
                del self._by_version[version]

    def _of(self, version: Version) -> VersionStatistics:
        """Within the lock."""
        found = self._by_version.setdefault(version, VersionStatistics())
        self._by_version.move_to_end(version)
        if len(self._by_version) > _VERSIONS:
            self._by_version.popitem(last=False)
        return found
