"""What becomes of jobs whose task is deleted, and of those that are asked for afterwards."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from registry.errors import PredecessorInUse, TaskWasDeleted
from registry.registry import Registry
from tests.bundles import tiny_bytes
from tests.chains import link_bytes
from tests.full_disk import full_disk
from tests.trainer.jobs.runs import start
from trainer.errors import JobSuperseded, QueueUnavailable
from trainer.events import Event
from trainer.jobs.job import PUBLISH, Job
from trainer.jobs.jobs import Jobs, changed, state_event
from trainer.service import Service
from trainer.settings import Settings
from trainer.wiring import open_jobs
from trainer.workers.job_run import begin

UPLOAD = "sha256:" + "0" * 64


@pytest.fixture
def jobs(service: Service) -> Jobs:
    return service.jobs


@pytest.fixture
def registry(service: Service) -> Registry:
    """With one version of the task `pets`."""
    publish(service.registry, "pets")
    return service.registry


def publish(registry: Registry, task: str, seed: int = 0) -> None:
    registry.publish(task, tiny_bytes(task=task, seed=seed), actor="ada")


def submit(jobs: Jobs, task: str = "pets") -> Job:
    return jobs.submit(task, UPLOAD, {}, actor="ada")


def delete(registry: Registry) -> None:
    registry.delete_task("pets", actor="ann", reason="over")


def as_of_an_older_release(jobs: Jobs, *, age: timedelta) -> Job:
    """A job whose document has no number; made so long ago."""
    created = (datetime.now(UTC) - age).isoformat(timespec="milliseconds")
    document = {"id": "old", "task": "pets", "upload": UPLOAD, "options": {}, "actor": "ada", "created_at": created}
    return jobs.store.create(Job.from_json(document), state_event(Job.from_json(document)), jobs.queue.enqueue)


def in_publishing(jobs: Jobs) -> Job:
    job = submit(jobs)
    start(jobs, job, "w")
    return jobs.store.update(job.id, lambda found: changed(found, stage=PUBLISH))


def waiting_for_another_attempt(jobs: Jobs) -> Job:
    job = submit(jobs)
    begin(jobs, job.id, 1).begin_publishing()
    return jobs.store.update(job.id, lambda found: changed(found, state="queued"))


def test_a_job_remembers_where_the_history_of_its_task_stood(jobs: Jobs, registry: Registry) -> None:
    job, fresh = submit(jobs), submit(jobs, "birds")
    assert (job.task_sequence, job.accepted, fresh.accepted) == (1, 1, 0)
    publish(registry, "pets", 1)
    assert submit(jobs).accepted == 2
    assert jobs.store.get(job.id).accepted == jobs.records.read(job.id).accepted == 1


def test_a_job_of_an_older_release_goes_by_its_time(jobs: Jobs) -> None:
    job = as_of_an_older_release(jobs, age=timedelta(0))
    assert job.task_sequence is None
    assert job.accepted == datetime.fromisoformat(job.created_at)


@pytest.mark.parametrize("make", [submit, in_publishing, waiting_for_another_attempt])
def test_an_open_job_of_a_deleted_task_is_cancelled(
    jobs: Jobs, registry: Registry, make: Callable[[Jobs], Job]
) -> None:
    job, other = make(jobs), submit(jobs, "birds")
    assert not jobs.cancel_if_deleted(job)
    delete(registry)
    newer = submit(jobs)
    jobs.cancel_deleted("pets")
    found = jobs.store.get(job.id)
    assert (found.state, found.stage, found.attempt) == ("cancelled", job.stage, job.attempt)
    assert found.ended_at is not None
    assert found.error is not None
    assert (found.error["status"], found.error["title"], found.error["task"]) == (409, "task was deleted", "pets")
    assert found.error["type"] == "urn:nettailor:problem:task-was-deleted"
    assert "deleted by ann" in str(found.error["detail"])
    assert found.error["reason"] == "over"
    assert jobs.records.read(job.id) == found
    assert jobs.store.events(job.id)[-1].event.fields["error"] == found.error
    assert {jobs.store.get(left.id).state for left in (other, newer)} == {"queued"}
    assert jobs.queue.waiting_ids() == [f"{other.id}-1", f"{newer.id}-1"]


def test_an_open_job_of_an_older_release_too(jobs: Jobs, registry: Registry) -> None:
    job = as_of_an_older_release(jobs, age=timedelta(seconds=1))
    delete(registry)
    jobs.cancel_deleted("pets")
    assert jobs.store.get(job.id).state == "cancelled"


def test_one_that_was_accepted_after_the_deletion_goes_on(jobs: Jobs, registry: Registry) -> None:
    delete(registry)
    job = as_of_an_older_release(jobs, age=-timedelta(seconds=1))
    jobs.cancel_deleted("pets")
    assert jobs.store.get(job.id).state == "queued"


def test_an_ended_job_stays_as_it_ended(jobs: Jobs, registry: Registry) -> None:
    job = submit(jobs)
    begin(jobs, job.id, 1).succeed({"version": 1})
    ended = jobs.store.get(job.id)
    delete(registry)
    assert jobs.cancel_if_deleted(job)  # as it was seen before
    jobs.cancel_deleted("pets")
    assert jobs.store.get(job.id) == jobs.records.read(job.id) == ended


def test_a_run_that_goes_on_learns_of_it(jobs: Jobs, registry: Registry) -> None:
    job = submit(jobs)
    run = begin(jobs, job.id, 1)
    delete(registry)
    jobs.cancel_deleted("pets")
    with pytest.raises(JobSuperseded):
        run.report(Event(kind="log", stage="teacher", progress=0.5))


def test_an_old_job_is_not_retried(jobs: Jobs, registry: Registry) -> None:
    cancelled, failed = submit(jobs), submit(jobs)
    jobs.cancel(cancelled.id)
    begin(jobs, failed.id, 1).fail({"title": "bad luck"})
    delete(registry)
    publish(registry, "pets", 1)  # somebody makes the task anew
    before = [jobs.store.get(job.id) for job in (cancelled, failed)]
    for job in (cancelled, failed):
        with pytest.raises(TaskWasDeleted):
            jobs.retry(job.id)
    assert [jobs.store.get(job.id) for job in (cancelled, failed)] == before
    later = submit(jobs)
    jobs.cancel(later.id)
    assert jobs.retry(later.id).state == "queued"


def test_one_that_is_retried_in_the_instant_of_the_deletion(
    jobs: Jobs, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deletion saw it cancelled already, so it is found when open jobs are looked at again."""
    job = submit(jobs)
    jobs.cancel(job.id)
    update = jobs.store.update

    def update_late(*arguments: object) -> Job:
        delete(registry)
        jobs.cancel_deleted("pets")
        return update(*arguments)  # type: ignore[arg-type]  # as they came

    with monkeypatch.context() as patch:
        patch.setattr(jobs.store, "update", update_late)
        retried = jobs.retry(job.id)
    assert retried.state == "queued"
    assert jobs.cancel_if_deleted(retried)
    assert jobs.store.get(job.id).state == "cancelled"
    assert jobs.queue.waiting_ids() == []


def test_cancellations_are_counted_by_reason(jobs: Jobs, registry: Registry, http: httpx.Client) -> None:
    asked = submit(jobs)
    submit(jobs)
    jobs.cancel(asked.id)
    delete(registry)
    for _ in range(2):
        jobs.cancel_deleted("pets")
    metrics = http.get("/metrics").text
    assert 'nettailor_job_cancellations_total{reason="asked"} 1.0' in metrics
    assert 'nettailor_job_cancellations_total{reason="task_deleted"} 1.0' in metrics
    assert 'nettailor_jobs{state="cancelled"} 2.0' in metrics


def test_what_a_full_disk_keeps_out_of_a_record_is_written_once_there_is_room(jobs: Jobs) -> None:
    cancelled, failed, begun, retried = (submit(jobs) for _ in range(4))
    jobs.cancel(retried.id)
    with full_disk():
        assert jobs.cancel(cancelled.id).state == "cancelled"
        begin(jobs, failed.id, 1).fail({"title": "no good"})
        begin(jobs, begun.id, 1)
        jobs.retry(retried.id)
        with pytest.raises(OSError, match="No space left"):
            jobs.recover()
    everything = [cancelled, failed, begun, retried]
    assert [jobs.records.read(job.id).state for job in everything] == ["queued", "queued", "queued", "cancelled"]
    jobs.recover()
    assert [jobs.records.read(job.id).state for job in everything] == ["cancelled", "failed", "queued", "queued"]


def test_without_redis_it_says_so(jobs: Jobs, settings: Settings) -> None:
    job = dataclasses.replace(submit(jobs), id="other")
    away = open_jobs(settings, type(jobs.store.client).from_url("unix:///nobody.sock"))
    with pytest.raises(QueueUnavailable):
        away.cancel_if_deleted(job)


def test_what_a_job_is_to_stand_on_is_not_deleted_before_its_end(jobs: Jobs, registry: Registry) -> None:
    digest = registry.publish("birds", link_bytes("birds"), actor="ada").digest
    job = jobs.submit("pets", UPLOAD, {"after": "birds@1", "method": "packnet"}, actor="ada")
    assert job.stands_on == jobs.records.read(job.id).stands_on == digest

    def is_kept() -> bool:
        try:
            registry.delete_version("birds", 1, actor="ada", reason="")
        except PredecessorInUse as fault:
            return job.id in str(fault)
        return False

    assert is_kept()  # it is queued
    jobs.store.client.flushall()
    registry.rebuild()
    jobs.recover()
    assert is_kept()  # after Redis lost all
    run = begin(jobs, job.id, 1)
    assert is_kept()
    run.fail({"title": "over"})
    jobs.retry(job.id)
    assert is_kept()
    jobs.cancel(job.id)
    assert not is_kept()


def test_a_job_that_decides_as_it_begins_keeps_what_it_stands_on_from_then(jobs: Jobs, registry: Registry) -> None:
    digest = registry.publish("birds", link_bytes("birds"), actor="ada").digest
    job = submit(jobs)
    assert job.stands_on is None
    run = begin(jobs, job.id, 1)
    run.stand_on(digest)
    assert jobs.records.read(job.id).stands_on == digest
    with pytest.raises(PredecessorInUse, match=job.id):
        registry.delete_task("birds", actor="ada", reason="")
    run.succeed({})
    registry.delete_task("birds", actor="ada", reason="")
