"""What is resident, as Prometheus metrics."""

from collections import Counter as Tally
from collections.abc import Iterable
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric

from server.residency.disk import DiskCache
from server.residency.residency import Residency
from server.residency.tiers import Resident, Tier


class ResidencyCollector:
    """Reads the residency table at each scrape, so that nothing shown is stale and idle residents do not vanish."""

    def __init__(self, residency: Residency[Any, Any], disk: DiskCache) -> None:
        self._residency = residency
        self._disk = disk

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        table = self._residency.table()
        counts, sizes = Tally({Tier.DISK: len(self._disk)}), Tally({Tier.DISK: self._disk.size_bytes})
        for row in table:
            counts[row.tier] += 1
            sizes[row.tier] += row.size_bytes
        tasks = GaugeMetricFamily("nettailor_resident_tasks", "Bundles in a tier.", labels=["tier"])
        memory = GaugeMetricFamily("nettailor_resident_bytes", "Measured bytes of bundles in a tier.", labels=["tier"])
        for tier in (Tier.DEVICE, Tier.HOST, Tier.DISK):
            tasks.add_metric([tier], counts[tier])
            memory.add_metric([tier], sizes[tier])
        return [tasks, memory, _rows(table)]


def _rows(table: Iterable[Resident]) -> Metric:
    labels = ["task", "version", "tier", "pinned", "int8"]
    rows = GaugeMetricFamily("nettailor_resident_task", "1 for each bundle in a tier.", labels=labels)
    for row in table:
        rows.add_metric([row.id.task, str(row.id.version), row.tier, _word(row.pinned), _word(row.id.int8)], 1)
    return rows


def _word(value: bool) -> str:
    return str(value).lower()
