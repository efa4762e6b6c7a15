"""Every metric of the server (Prometheus; seconds and bytes; labels bounded by the number of tasks)."""

import threading
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from hosting.access.rates.rate_limit import REASON
from hosting.web.problem import CLIENT_GONE
from server.residency.tiers import Tier

M = TypeVar("M", Counter, Histogram)

OTHER_TASK = "_other"  # the label of requests for tasks that do not exist

_MICROSECONDS_TO_MINUTES = (
    *(mantissa * 10.0**exponent for exponent in range(-6, 2) for mantissa in (1.0, 2.5, 5.0)),
    120.0,
    300.0,
)
_REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_QUEUE_SECONDS = (0.0001, 0.00025, 0.0005, *_REQUEST_SECONDS)  # on an idle server nothing waits for a millisecond
_COUNTS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)  # small ones, which are the usual, exactly


class Metrics:
    """Counts what the parts report: the observer of residency, scheduler, images and routes."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        # A request may end after its task was deleted: it must not bring the task's series back. So this says no to a
        # task before `forget_task` is called, and no series is made but under the lock.
        self.knows_task: Callable[[str], bool] = lambda _: False
        self._series = threading.Lock()
        self._made: dict[tuple[Any, ...], Any] = {}  # series of tasks by metric and labels; within the lock

        self.requests = self._counter("requests", "Predictions asked, over HTTP or gRPC.", "task", "code")
        self.request_seconds = self._seconds(
            "request_seconds", "From request to answer.", "task", "outcome", buckets=_REQUEST_SECONDS
        )
        self.queue_seconds = self._seconds("queue_seconds", "Waiting for the engine.", "task", buckets=_QUEUE_SECONDS)
        self.inference_seconds = self._seconds("inference_seconds", "One batch in the engine.")
        self.preprocess_seconds = self._seconds("preprocess_seconds", "Decoding and resizing one image.")
        self.batch_images = self._sizes("batch_images", "Images in a batch.")
        self.batch_tasks = self._sizes("batch_tasks", "Tasks in a batch.")
        self.switch_seconds = self._seconds(
            "task_switch_seconds", "From needing a bundle until it is ready to run, by the tier it came from.", "tier"
        )
        self.switches = self._counter("switches", "Bundles that requests needed.", "task", "tier")
        self.lookups = self._counter("lookups", "Look-ups of bundles by the tier they were in.", "tier")
        self._lookups_in, self._switches_from = cache(self.lookups.labels), cache(self.switch_seconds.labels)
        self.evictions = self._counter("evictions", "Bundles that made room for others.", "tier")
        self.load_failures = self._counter("bundle_load_failures", "Bundles that could not be made ready.", "reason")
        self.rejected = self._counter("rejected", "Requests refused before they ran.", "reason")
        self._rejected_for = cache(self.rejected.labels)  # there are as many reasons as errors of ours
        self.backbone_bytes = self._gauge("backbone_bytes", "The shared networks on the device.")
        self.backbones = self._gauge("backbones", "Backbones on the device, the server's own among them.")
        self.fronts = self._gauge("fronts", "Processes that take requests for this engine; 0: it takes them itself.")
        self.queue_depth = self._gauge("queue_depth", "Images waiting for the engine.")
        self.budget_bytes = self._gauge("budget_bytes", "What the bundles in a tier may take.", "tier")
        self.info = self._gauge("server_info", "1, with what this server is.", "version", "backbone", "device", "dtype")

    def describe(self, *, version: str, backbone: str, device: str, dtype: str) -> None:
        self.info.labels(version, backbone, device, dtype).set(1)

    def set_budgets(self, budgets: Mapping[Tier, int]) -> None:
        """Show how many bytes each tier may take."""
        for tier, size_bytes in budgets.items():
            self.budget_bytes.labels(tier).set(size_bytes)

    def looked_up(self, tier: Tier) -> None:
        self._lookups_in(tier).inc()

    def evicted(self, tier: Tier) -> None:
        self.evictions.labels(tier).inc()

    def load_failed(self, failure: BaseException) -> None:
        self.load_failures.labels(type(failure).__name__).inc()

    def switched(self, task: str, tier: Tier, seconds: float) -> None:
        with self._series:
            if self.knows_task(task):
                self._of_task(self.switches, task, tier).inc()
        self._switches_from(tier).observe(seconds)

    def batch_ran(self, *, images: int, tasks: int, predictions: int, seconds: float) -> None:
        self.inference_seconds.observe(seconds)
        self.batch_images.observe(images)
        self.batch_tasks.observe(tasks)

    def preprocessed(self, seconds: float) -> None:
        self.preprocess_seconds.observe(seconds)

    def queued(self, task: str, seconds: float) -> None:
        with self._series:
            if self.knows_task(task):
                self._of_task(self.queue_seconds, task).observe(seconds)

    def answered(self, tasks: Iterable[str], code: int, seconds: float) -> None:
        with self._series:
            for label in dict.fromkeys(task if self.knows_task(task) else OTHER_TASK for task in tasks):
                self._of_task(self.requests, label, code).inc()
                self._of_task(self.request_seconds, label, _outcome(code)).observe(seconds)

    def refused(self, reason: str) -> None:
        self._rejected_for(reason).inc()

    def rate_refused(self) -> None:
        self.refused(REASON)

    def forget_task(self, task: str) -> None:
        """Drop every series of a task that was deleted."""
        with self._series:
            self._made.clear()
            for metric in (self.requests, self.request_seconds, self.queue_seconds, self.switches):
                metric.remove_by_labels({"task": task})

    def _of_task(self, metric: M, *labels: object) -> M:
        """A series, made if it is new; prometheus-client takes longer to find one than to count in it."""
        series: M | None = self._made.get((metric, *labels))
        if series is None:
            series = self._made[metric, *labels] = metric.labels(*labels)
        return series

    def _counter(self, name: str, help: str, *labels: str) -> Counter:
        return Counter(f"nettailor_{name}", help, labels, registry=self.registry)

    def _gauge(self, name: str, help: str, *labels: str) -> Gauge:
        return Gauge(f"nettailor_{name}", help, labels, registry=self.registry)

    def _seconds(
        self, name: str, help: str, *labels: str, buckets: tuple[float, ...] = _MICROSECONDS_TO_MINUTES
    ) -> Histogram:
        return Histogram(f"nettailor_{name}", help, labels, registry=self.registry, buckets=buckets)

    def _sizes(self, name: str, help: str) -> Histogram:
        return Histogram(f"nettailor_{name}", help, registry=self.registry, buckets=_COUNTS)


def _outcome(code: int) -> str:
    """What became of a request, by its status: a refusal takes no time to speak of, and says nothing of an answer's."""
    if code == CLIENT_GONE:
        return "gone"
    return "answered" if code < 400 else "refused" if code < 500 else "failed"
