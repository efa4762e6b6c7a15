"""The trainer's metrics (Prometheus). Job processes come and go, so the figures are in Redis and are read at a scrape.

`nettailor_jobs{state}`, `nettailor_job_seconds{stage}`, `nettailor_train_images_total`, `nettailor_workers`,
`nettailor_job_failures_total{reason}`, `nettailor_job_cancellations_total{reason}`: of the whole installation, the same
from every replica.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import redis
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from trainer.errors import QueueUnavailable
from trainer.redis_errors import reachable

logger = logging.getLogger(__name__)

_KEY = "nettailor:metrics:trainer"
_BUCKETS_SECONDS = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)


class TrainerMetrics:
    """Counts what happens in a job process. Raises QueueUnavailable."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client

    def observe_stage(self, stage: str, seconds: float) -> None:
        bucket = next((str(bound) for bound in _BUCKETS_SECONDS if seconds <= bound), "+Inf")
        with reachable(), self._client.pipeline() as pipeline:
            pipeline.hincrby(_KEY, f"seconds|{stage}|{bucket}", 1)
            pipeline.hincrbyfloat(_KEY, f"sum|{stage}", seconds)
            pipeline.execute()

    def count_images(self, images: int) -> None:
        with reachable():
            self._client.hincrby(_KEY, "images", images)

    def count_failure(self, reason: str) -> None:
        with reachable():
            self._client.hincrby(_KEY, f"failures|{reason}", 1)

    def count_cancellation(self, reason: str) -> None:
        """`asked` or `task_deleted`."""
        with reachable():
            self._client.hincrby(_KEY, f"cancellations|{reason}", 1)


class TrainerCollector(Collector):
    """Register it with a Prometheus registry; a scrape reads Redis, so it belongs in a thread.

    `count_jobs` returns the number of jobs by state, `count_workers` that of the workers that are alive.
    """

    def __init__(
        self,
        client: "redis.Redis",
        *,
        count_jobs: Callable[[], Mapping[Any, int]],
        count_workers: Callable[[], int],
    ) -> None:
        self._client = client
        self._count_jobs = count_jobs
        self._count_workers = count_workers

    def describe(self) -> list[Metric]:
        """Returns nothing, so that registering does not need Redis."""
        return []

    def collect(self) -> Iterator[Metric]:
        try:
            counts = self._count_jobs()
            workers = self._count_workers()
            with reachable():
                raw = cast("dict[bytes, bytes]", self._client.hgetall(_KEY))
        except QueueUnavailable as fault:
            logger.warning("no trainer metrics: %s", fault)
            return
        values = {key.decode(): float(value) for key, value in raw.items()}
        jobs = GaugeMetricFamily("nettailor_jobs", "Jobs by state.", labels=["state"])
        for state, count in counts.items():
            jobs.add_metric([state], count)
        yield jobs
        yield _seconds(values)
        yield GaugeMetricFamily("nettailor_workers", "Training workers that are alive.", value=workers)
        images = "Training images that went through the network, augmented ones counted each time."
        yield CounterMetricFamily("nettailor_train_images", images, value=values.get("images", 0.0))
        yield _by_reason("failures", "Failed jobs by kind of error.", values)
        yield _by_reason("cancellations", "Cancelled jobs: somebody asked, or their task was deleted.", values)


def _by_reason(kind: str, text: str, values: dict[str, float]) -> CounterMetricFamily:
    family = CounterMetricFamily(f"nettailor_job_{kind}", text, labels=["reason"])
    for name, value in values.items():
        if name.startswith(f"{kind}|"):
            family.add_metric([name.removeprefix(f"{kind}|")], value)
    return family


def _seconds(values: dict[str, float]) -> HistogramMetricFamily:
    family = HistogramMetricFamily("nettailor_job_seconds", "Time a job spent in a stage.", labels=["stage"])
    for name, total in values.items():
        if not name.startswith("sum|"):
            continue
        stage = name.removeprefix("sum|")
        buckets: list[tuple[str, float]] = []
        count = 0.0
        for bound in (*map(str, _BUCKETS_SECONDS), "+Inf"):
            count += values.get(f"seconds|{stage}|{bound}", 0.0)
            buckets.append((bound, count))
        family.add_metric([stage], buckets, sum_value=total)
    return family
