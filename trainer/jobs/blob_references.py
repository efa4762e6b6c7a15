"""Which blobs jobs need, for the registry's garbage collection, which knows no jobs."""

import json
import re
from datetime import UTC, datetime, timedelta

from trainer.errors import JobRecordDamaged
from trainer.jobs.job import Job
from trainer.jobs.jobs import Jobs

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def blobs_in_use(jobs: Jobs, grace_s: float) -> set[str]:
    """Digests of the uploads and datasets of all open jobs, and of those that failed or were cancelled less than
    `grace_s` seconds ago: they may be retried.

    Jobs are looked up in Redis and in the records, so that those that a lost Redis has forgotten still count. Raises
    QueueUnavailable, and JobRecordDamaged for a job that only its damaged record knows: it might need anything.
    """
    since = datetime.now(UTC) - timedelta(seconds=grace_s)
    digests: set[str] = set()
    for job in {*jobs.records.ids(), *jobs.store.open_ids()}:
        found = _find(jobs, job)
        if found is not None and _needs_blobs(found, since):
            digests.add(found.upload)
            if found.dataset is not None:
                digests |= set(_DIGEST.findall(json.dumps(found.dataset)))  # and its report's
    return digests


def _find(jobs: Jobs, job: str) -> Job | None:
    found = jobs.store.find(job)
    if found is not None:
        return found
    try:
        return jobs.records.read(job)
    except FileNotFoundError:
        return None
    except ValueError as fault:
        raise JobRecordDamaged(job, str(fault)) from fault


def _needs_blobs(job: Job, since: datetime) -> bool:
    if job.is_open:
        return True
    if job.state == "succeeded" or job.ended_at is None:
        return False
    return datetime.fromisoformat(job.ended_at) > since
