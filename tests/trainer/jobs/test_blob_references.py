"""What jobs keep from the registry's garbage collection."""

from collections.abc import Iterator

import pytest

from registry.storage.blobs import Blobs
from registry.wiring import connect
from trainer.errors import JobRecordDamaged
from trainer.jobs.blob_references import blobs_in_use
from trainer.jobs.job import Job, now
from trainer.jobs.jobs import Jobs, changed
from trainer.settings import Settings
from trainer.wiring import open_jobs

HOUR_S = 3600.0
LONG_AGO = "2020-01-01T00:00:00.000+00:00"


def digest(letter: str) -> str:
    return "sha256:" + letter * 64


@pytest.fixture
def jobs(settings: Settings) -> Iterator[Jobs]:
    assert settings.redis_url is not None
    with connect(settings.redis_url) as client:
        yield open_jobs(settings, client, Blobs(settings.blobs_location))


def submit(jobs: Jobs, letter: str, **changes: object) -> Job:
    """A job with its upload; `changes` are what became of it."""
    job = jobs.submit("signs", digest(letter), {}, actor="me")
    ended = jobs.store.update(job.id, lambda found: changed(found, **changes))
    jobs.records.write(ended)
    return ended


def test_open_jobs_need_upload_and_dataset(jobs: Jobs) -> None:
    assert blobs_in_use(jobs, HOUR_S) == set()
    submit(jobs, "a")
    submit(jobs, "b", state="running", dataset={"digest": digest("c")})
    assert blobs_in_use(jobs, HOUR_S) == {digest(letter) for letter in "abc"}


def test_open_jobs_need_what_they_stand_on(jobs: Jobs) -> None:
    submit(jobs, "a", stands_on=digest("b"))
    submit(jobs, "c", stands_on=digest("d"), state="succeeded", ended_at=now())
    assert blobs_in_use(jobs, HOUR_S) == {digest("a"), digest("b")}


def test_ended_jobs_need_nothing_unless_they_may_be_retried(jobs: Jobs) -> None:
    submit(jobs, "a", state="succeeded", ended_at=now())
    submit(jobs, "b", state="failed", ended_at=now())
    submit(jobs, "c", state="cancelled", ended_at=now())
    submit(jobs, "d", state="failed", ended_at=LONG_AGO)
    assert blobs_in_use(jobs, HOUR_S) == {digest("b"), digest("c")}
    assert blobs_in_use(jobs, 0) == set()


def test_jobs_that_only_their_records_know_count(jobs: Jobs) -> None:
    submit(jobs, "a", state="running", dataset={"digest": digest("b")})
    jobs.store.client.flushall()
    assert blobs_in_use(jobs, HOUR_S) == {digest("a"), digest("b")}


def test_a_damaged_record_of_a_job_nobody_else_knows_stops_it(jobs: Jobs, settings: Settings) -> None:
    job = submit(jobs, "a")
    Blobs(settings.blobs_location).store.write(f"jobs/{job.id}.json", b"{}")
    assert blobs_in_use(jobs, HOUR_S) == {digest("a")}
    jobs.store.client.flushall()
    with pytest.raises(JobRecordDamaged, match=job.id):
        blobs_in_use(jobs, HOUR_S)
