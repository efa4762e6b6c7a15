"""The registry's metrics (Prometheus)."""

import logging
import threading
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from registry.instrumentation import Outcome
from registry.storage.blobs import Blobs

logger = logging.getLogger(__name__)

_PATIENCE_SECONDS = 0.1  # a folder is listed in a fraction of that
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class OperationMetrics:
    """Counts and times the operations of a registry in this process, whose `observe` is set to this one's.

    `nettailor_registry_operations_total{operation,outcome}`, `nettailor_registry_operation_seconds{operation}`. The
    operations are the registry's own methods, so the labels are few.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._operations = Counter(
            "nettailor_registry_operations",
            "Publishes, promotes and the like, by what came of them.",
            ["operation", "outcome"],
            registry=registry,
        )
        self._seconds = Histogram(
            "nettailor_registry_operation_seconds",
            "How long one took.",
            ["operation"],
            registry=registry,
            buckets=_SECONDS,
        )

    def observe(self, operation: str, outcome: Outcome, seconds: float) -> None:
        self._operations.labels(operation, outcome).inc()
        self._seconds.labels(operation).observe(seconds)


class QuarantineCollector(Collector):
    """`nettailor_blobs_quarantined_total`: of the whole installation, the same from every replica.

    Job processes find corrupt blobs too, but end before Prometheus could scrape them. So the quarantine itself is
    counted at each scrape: one listing of a folder that is usually empty. A store that does not answer at once is not
    waited for: until it does, the last count is shown, or none if there never was one.
    """

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._count: int | None = None
        self._lock = threading.Lock()
        self._counted: threading.Event | None = None  # of the count under way

    def describe(self) -> list[Metric]:
        """No metrics: to register the collector must not touch the store."""
        return []

    def collect(self) -> Iterator[Metric]:
        self._begin_counting().wait(_PATIENCE_SECONDS)
        if self._count is not None:
            yield CounterMetricFamily(
                "nettailor_blobs_quarantined", "Corrupt blobs that were moved to the quarantine.", value=self._count
            )

    def _begin_counting(self) -> threading.Event:
        """Begin a count, unless one is under way; the event of its end."""
        with self._lock:
            if self._counted is None:
                self._counted = threading.Event()
                threading.Thread(target=self._recount, args=(self._counted,), name="quarantine", daemon=True).start()
            return self._counted

    def _recount(self, counted: threading.Event) -> None:
        try:
            self._count = sum(1 for _ in self._blobs.quarantine)
        except OSError as fault:
            logger.warning("no count of the quarantine: %s", fault)
        finally:
            with self._lock:
                self._counted = None
            counted.set()
