"""Building the trainer's parts from settings: the one place that does."""

import time
from collections.abc import Iterator

import redis

from hosting.disk.housekeeping import Housekeeping
from hosting.disk.leftovers import Leftover, left_behind, remove, temporaries
from registry.registry import Registry
from registry.storage.blobs import Blobs
from trainer.jobs.folders import JobFolders, find_in
from trainer.jobs.jobs import Jobs
from trainer.jobs.queue import JobQueue
from trainer.jobs.quota import Quota
from trainer.jobs.reconcile import Reconciler
from trainer.jobs.records import JobRecords
from trainer.jobs.store import JobStore
from trainer.settings import UPLOAD_PREFIX, Settings


def open_jobs(settings: Settings, client: "redis.Redis", blobs: Blobs | None = None) -> Jobs:
    """Jobs over a Redis client, which the caller closes."""
    blobs = blobs or Blobs(settings.blobs_location)
    queue = JobQueue(client, attempts=settings.job_attempts)
    store = JobStore(client)
    quota = Quota(store, settings.jobs_per_user)
    return Jobs(store, queue, JobRecords(blobs.store), quota, Registry(blobs, client))


def reconciler_of(settings: Settings, jobs: Jobs) -> Reconciler:
    patience_s = settings.heartbeat_patience_seconds
    return Reconciler(jobs, settings.worker_locks_dir, heartbeat_patience_s=patience_s)


def housekeeping(settings: Settings, jobs: Jobs) -> Housekeeping:
    """What killed processes left in the data folder and beside the blobs, and folders of jobs that nobody will need."""
    folders = JobFolders(settings.work_dir, find_in(jobs), keep_seconds=settings.keep_failed_jobs_seconds)
    return Housekeeping(
        {
            "files of killed processes": lambda: remove(left_files(settings, now=time.time())),
            "folders of ended jobs": folders.collect,
        }
    )


def left_files(settings: Settings, *, now: float) -> Iterator[Leftover]:
    """Uploads, blobs, records and copies for jobs that a killed process was writing. `now` is the time (Unix)."""
    yield from left_behind(settings.uploads_dir.glob(f"{UPLOAD_PREFIX}*"), now=now)
    for folder in (settings.work_dir, settings.blobs_folder):
        if folder is not None:
            yield from left_behind(temporaries(folder), now=now)


def open_registry(settings: Settings, client: "redis.Redis") -> Registry:
    return Registry(Blobs(settings.blobs_location), client)
