"""Which blobs jobs need, for the registry's garbage collection, which knows no jobs."""

import json
import re
from datetime import UTC, datetime, timedelta

from trainer.errors import JobRecordDamaged
from trainer.jobs.job import Job
from trainer.jobs.jobs import Jobs

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def blobs_in_use(jobs: Jobs, keep_failed_s: float) -> set[str]:
    """Digests of the uploads and datasets of all open jobs and of what they stand on, and of those that failed or were
    cancelled less than `keep_failed_s` seconds ago: they may be retried.

    Jobs are looked up in Redis and in the records, so that those that a lost Redis has forgotten still count. Raises
    QueueUnavailable, and JobRecordDamaged for a job that only its damaged record knows: it might need anything. A
    record that is JSON, but not understood, keeps every digest in it.
    """
    since = datetime.now(UTC) - timedelta(seconds=keep_failed_s)
    digests: set[str] = set()
    for job in {*jobs.records.ids(), *jobs.store.open_ids()}:
        digests |= _of_job(jobs, job, since)
    return digests


def _of_job(jobs: Jobs, job: str, since: datetime) -> set[str]:
    try:
        found = jobs.store.find(job) or jobs.records.read(job)
    except FileNotFoundError:
        return set()
    except JobRecordDamaged as fault:
        try:
            return set(_DIGEST.findall(jobs.records.text(job)))
        except FileNotFoundError:
            raise fault from None
    if not _needs_blobs(found, since):
        return set()
    # What the dataset says are its own digest and those of its report.
    return {found.upload, *_DIGEST.findall(json.dumps([found.dataset, found.stands_on]))}


def _needs_blobs(job: Job, since: datetime) -> bool:
    if job.is_open:
        return True
    if job.state == "succeeded" or job.ended_at is None:
        return False
    return datetime.fromisoformat(job.ended_at) > since
