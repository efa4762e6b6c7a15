"""Building the trainer's parts from settings: the one place that does."""

import redis

from registry.registry import Registry
from registry.storage.blobs import Blobs
from trainer.jobs.jobs import Jobs
from trainer.jobs.queue import JobQueue
from trainer.jobs.quota import Quota
from trainer.jobs.records import JobRecords
from trainer.jobs.store import JobStore
from trainer.settings import Settings


def open_jobs(settings: Settings, client: "redis.Redis", blobs: Blobs | None = None) -> Jobs:
    """Jobs over a Redis client, which the caller closes."""
    blobs = blobs or Blobs(settings.blobs_location)
    queue = JobQueue(client, attempts=settings.job_attempts)
    store = JobStore(client)
    quota = Quota(store, settings.jobs_per_user)
    return Jobs(store, queue, JobRecords(blobs.store), quota, Registry(blobs, client))


def open_registry(settings: Settings, client: "redis.Redis") -> Registry:
    return Registry(Blobs(settings.blobs_location), client)
