"""A job that lacks room on the disk, or its upload, fails with that reason, at once."""

import httpx
import pytest

from tests.full_disk import full_disk
from tests.trainer.uploads import upload
from trainer.jobs.job import Job
from trainer.metrics import TrainerMetrics
from trainer.service import Service
from trainer.workers.job_run import begin
from trainer.workers.tailoring import Tailoring


def carry_out(service: Service, job: str) -> Job:
    """One run of the job, in this process."""
    jobs = service.jobs
    run = begin(jobs, job, jobs.store.get(job).submission)
    folder = service.settings.work_dir / job
    folder.mkdir(parents=True, exist_ok=True)
    Tailoring(service.settings, service.registry, run, TrainerMetrics(jobs.store.client), folder).carry_out()
    return jobs.store.get(job)


@pytest.fixture
def job(http: httpx.Client) -> str:
    return str(upload(http).json()["id"])


def test_a_write_that_meets_a_full_disk(service: Service, job: str) -> None:
    with full_disk():
        failed = carry_out(service, job)
    assert failed.state == "failed"
    assert failed.error is not None
    assert (failed.error["status"], failed.error["title"]) == (507, "insufficient storage")
    assert failed.error["detail"] == (
        "there is not enough room on the disk: No space left on device; retry the job once there is room"
    )
    assert service.jobs.retry(job).state == "queued"
    service.jobs.recover()
    assert service.jobs.records.read(job).state == "queued"


def test_a_data_set_that_would_take_the_reserve(service: Service, job: str) -> None:
    object.__setattr__(service.settings, "disk_reserve_bytes", 10**18)
    failed = carry_out(service, job)
    assert failed.error is not None
    assert failed.error["status"] == 507
    assert "kept in reserve" in str(failed.error["detail"])
    assert not (service.settings.work_dir / job / "upload").exists()


def test_a_retry_that_comes_after_its_upload_was_deleted(service: Service, job: str) -> None:
    service.blobs.delete(service.jobs.store.get(job).upload)
    failed = carry_out(service, job)
    assert failed.error is not None
    assert (failed.error["status"], failed.error["title"]) == (410, "upload is gone")
