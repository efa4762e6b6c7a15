"""Whatever dies at whatever point, an open job keeps a place in the queue or ends with a reason."""

from collections.abc import Callable

import pytest
from rq.job import JobStatus

from hosting.processes.file_lock import FileLock
from tests.trainer.jobs.runs import dead_worker, start
from trainer.errors import JobSuperseded
from trainer.events import Event
from trainer.jobs.job import Job
from trainer.jobs.jobs import Jobs
from trainer.jobs.reconcile import Reconciler, lease_path
from trainer.service import Service
from trainer.settings import Settings
from trainer.workers.job_run import begin


@pytest.fixture
def jobs(service: Service) -> Jobs:
    return service.jobs


@pytest.fixture
def reconciler(jobs: Jobs, settings: Settings) -> Reconciler:
    return Reconciler(jobs, settings.leases_dir)


def submit(jobs: Jobs) -> Job:
    return jobs.submit("pets", "sha256:" + "0" * 64, {}, actor="ada")


def test_a_dead_workers_job_is_queued_until_its_attempts_are_used_up(
    jobs: Jobs, reconciler: Reconciler, settings: Settings
) -> None:
    job = submit(jobs)
    for attempt, state in ((1, "queued"), (2, "failed")):
        dead_worker(settings, f"w{attempt}")
        start(jobs, job, f"w{attempt}")
        reconciler.reconcile()
        found = jobs.store.get(job.id)
        assert (found.state, found.attempt) == (state, attempt)
        assert jobs.queue.waiting_ids() == ([f"{job.id}-1"] if state == "queued" else [])
    assert found.error is not None
    assert found.error["reason"] == "its worker died"
    assert jobs.records.read(job.id).state == "failed"
    reconciler.reconcile()
    assert jobs.store.get(job.id) == found


def test_a_living_workers_job_is_left_alone(jobs: Jobs, reconciler: Reconciler, settings: Settings) -> None:
    with FileLock(lease_path(settings.leases_dir, "w")) as lease:
        assert lease.acquire()
        job = submit(jobs)
        start(jobs, job, "w")
        reconciler.reconcile()
        assert jobs.store.get(job.id).state == "running"
    start(jobs, submit(jobs), "elsewhere")  # no lease here: only its heartbeats count
    reconciler.reconcile()
    assert [found.state for found in jobs.store.latest(2)] == ["running", "queued"]


def test_a_submission_lost_between_queue_and_start_comes_back(
    jobs: Jobs, reconciler: Reconciler, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit(jobs)
    queue = jobs.queue.queue_of(jobs.queue.find(job))
    jobs.store.client.lmove(queue.key, queue.intermediate_queue_key, "LEFT", "RIGHT")
    reconciler.reconcile()
    assert jobs.queue.waiting_ids() == []  # a worker may be about to start it
    monkeypatch.setattr("trainer.jobs.reconcile._STRAY_SECONDS", 0.0)
    reconciler.reconcile()
    assert jobs.queue.waiting_ids() == [f"{job.id}-1"]
    assert jobs.store.get(job.id).state == "queued"
    assert queue.intermediate_queue.get_job_ids() == []


def test_a_submission_that_rq_forgot_is_made_again(jobs: Jobs, reconciler: Reconciler) -> None:
    job = submit(jobs)
    submission = jobs.queue.find(job)
    assert submission is not None
    submission.delete()
    reconciler.reconcile()
    assert jobs.queue.waiting_ids() == [f"{job.id}-2"]


def test_a_run_that_was_taken_over_or_cancelled_is_fenced_off(jobs: Jobs) -> None:
    job = submit(jobs)
    first, second = begin(jobs, job.id, 1), begin(jobs, job.id, 1)
    event = Event(kind="log", stage="teacher", progress=0.5)
    with pytest.raises(JobSuperseded):
        first.report(event)
    second.report(event)
    jobs.cancel(job.id)
    acts: list[Callable[[], None]] = [
        lambda: second.report(event),
        lambda: second.succeed({}),
        second.begin_publishing,
    ]
    for act in acts:
        with pytest.raises(JobSuperseded):
            act()
    with pytest.raises(JobSuperseded):
        begin(jobs, job.id, 1)
    assert jobs.store.get(job.id).state == "cancelled"


def test_an_ended_job_stays_as_it_ended(jobs: Jobs, reconciler: Reconciler) -> None:
    """Its work-horse died after it had told the outcome and before RQ knew."""
    job = submit(jobs)
    begin(jobs, job.id, 1).succeed({"version": 1})
    submission = jobs.queue.find(job)
    assert submission is not None
    submission.set_status(JobStatus.FAILED)
    reconciler.settle(submission.id, "killed")
    reconciler.reconcile()
    assert jobs.store.get(job.id).state == "succeeded"
