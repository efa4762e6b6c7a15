"""The registry's metrics (Prometheus)."""

import logging
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from registry.instrumentation import Outcome
from registry.storage.blobs import Blobs

logger = logging.getLogger(__name__)

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
    counted at each scrape: one listing of a folder that is usually empty.
    """

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def describe(self) -> list[Metric]:
        """No metrics: to register the collector must not touch the store."""
        return []

    def collect(self) -> Iterator[Metric]:
        try:
            count = sum(1 for _ in self._blobs.quarantine)
        except Exception as fault:  # whatever a store's library raises: the other metrics must still be served
            logger.warning("no count of the quarantine: %s", fault)
            return
        yield CounterMetricFamily(
            "nettailor_blobs_quarantined", "Corrupt blobs that were moved to the quarantine.", value=count
        )
