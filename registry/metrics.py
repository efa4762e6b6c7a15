"""The registry's metrics (Prometheus)."""

import logging
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from registry.blobs import Blobs

logger = logging.getLogger(__name__)


class QuarantineCollector(Collector):
    """`nettailor_blobs_quarantined_total`: of the whole installation, the same from every replica.

    Work-horses find corrupt blobs too and are gone before anybody scrapes them, so the quarantine itself is counted, at
    each scrape: one listing of a folder that is empty on a good day.
    """

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def describe(self) -> list[Metric]:
        """Nothing, so that registering does not touch the store."""
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
