"""One page of metrics for all replicas (knows no Ray)."""

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

LABEL = "instance"  # what Prometheus, dashboards and alerts call a process; the scrape needs `honor_labels: true`


def joined(pages: Mapping[str, str]) -> bytes:
    """The pages of several replicas, by name, as one in which each series says whose it is.

    They are not added up: a replica that leaves takes its counts along, and a sum would then fall, which reads as a
    restart of all of them.
    """
    registry = CollectorRegistry()
    registry.register(_Pages(pages))
    return generate_latest(registry)


class _Pages(Collector):
    def __init__(self, pages: Mapping[str, str]) -> None:
        self._pages = pages

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        families: dict[str, Metric] = {}
        for replica, page in self._pages.items():
            for own in text_string_to_metric_families(page):
                family = families.setdefault(own.name, Metric(own.name, own.documentation, own.type))
                for sample in own.samples:
                    family.add_sample(sample.name, {**sample.labels, LABEL: replica}, sample.value)
        return families.values()
