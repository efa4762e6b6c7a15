"""Whatever dies at whatever point, an open job keeps a place in the queue or ends with a reason."""

import signal
import subprocess
import sys
from collections.abc import Callable

import pytest
from rq.job import JobStatus

from hosting.processes.file_lock import FileLock
from registry.errors import TaskWasDeleted
from registry.journal.deletion import Since
from registry.registry import Registry
from tests.bundles import tiny_bytes
from tests.processes.environment import without_settings
from tests.trainer.jobs.runs import dead_worker, start
from tests.waiting import until
from trainer.errors import JobSuperseded
from trainer.events import Event
from trainer.jobs.job import Job
from trainer.jobs.jobs import Jobs
from trainer.jobs.reconcile import Reconciler, lock_path
from trainer.service import Service
from trainer.settings import Settings
from trainer.wiring import reconciler_of
from trainer.workers.job_run import begin


@pytest.fixture
def jobs(service: Service) -> Jobs:
    return service.jobs


@pytest.fixture
def reconciler(jobs: Jobs, settings: Settings) -> Reconciler:
    return reconciler_of(settings, jobs)


def publish(registry: Registry, seed: int = 0, since: Since | None = None) -> None:
    registry.publish("pets", tiny_bytes(task="pets", seed=seed), actor="ada", since=since)


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


def test_a_worker_that_left_word_before_it_ended_has_cost_its_job_no_attempt(
    jobs: Jobs, reconciler: Reconciler, settings: Settings
) -> None:
    job = submit(jobs)
    for attempt in (1, 2, 3):  # of two that it may have
        worker = f"w{attempt}"
        dead_worker(settings, worker)
        reconciler.leave_word(worker)
        start(jobs, job, worker)
        reconciler.reconcile()
        assert jobs.store.get(job.id).state == "queued"
        assert jobs.queue.waiting_ids() == [f"{job.id}-1"]
        assert not lock_path(settings.worker_locks_dir, worker).exists()


def test_a_living_workers_job_is_left_alone(jobs: Jobs, reconciler: Reconciler, settings: Settings) -> None:
    with FileLock(lock_path(settings.worker_locks_dir, "w")) as lock:
        assert lock.acquire()
        job = submit(jobs)
        start(jobs, job, "w")
        reconciler.reconcile()
        assert jobs.store.get(job.id).state == "running"
    start(jobs, submit(jobs), "elsewhere")  # no lock here: only its heartbeats count
    reconciler.reconcile()
    assert [found.state for found in jobs.store.latest(2)] == ["running", "queued"]


def given_up_while_it_lived(jobs: Jobs, reconciler: Reconciler, settings: Settings) -> Job:
    """A job whose run was given up, and whose process lived all the same and ended of itself after that."""
    job = submit(jobs)
    dead_worker(settings, "taken for dead")
    start(jobs, job, "taken for dead")
    reconciler.reconcile()
    finish(jobs, job)
    return job


def finish(jobs: Jobs, job: Job) -> None:
    submission = jobs.queue.find(job)
    assert submission is not None
    submission.set_status(JobStatus.FINISHED)


def test_a_job_waits_on_though_the_run_that_was_given_up_ends_late(
    jobs: Jobs, reconciler: Reconciler, settings: Settings
) -> None:
    job = given_up_while_it_lived(jobs, reconciler, settings)
    reconciler.reconcile()
    assert jobs.store.get(job.id).state == "queued"
    assert jobs.queue.waiting_ids() == [f"{job.id}-1"]
    jobs.store.client.delete(jobs.queue.queue_of(jobs.queue.find(job)).key)  # a worker took it, and died
    reconciler.reconcile()
    assert jobs.queue.waiting_ids() == [f"{job.id}-2"]


def test_the_next_run_goes_on_though_the_one_that_was_given_up_ends_late(
    jobs: Jobs, reconciler: Reconciler, settings: Settings
) -> None:
    job = given_up_while_it_lived(jobs, reconciler, settings)
    with FileLock(lock_path(settings.worker_locks_dir, "w")) as lock:
        assert lock.acquire()
        start(jobs, job, "w")
        finish(jobs, job)
        reconciler.reconcile()
    assert jobs.store.get(job.id).state == "running"


def impatient(jobs: Jobs, settings: Settings) -> Reconciler:
    """It takes nobody's word for it that they live."""
    return Reconciler(jobs, settings.worker_locks_dir, heartbeat_patience_s=0.0, stray_patience_s=0.0)


def test_a_worker_that_holds_its_lock_lives_however_late_its_heartbeats_are(jobs: Jobs, settings: Settings) -> None:
    """Its machine slept: Redis has forgotten what it knew of the run, but for whose the submission is."""
    with FileLock(lock_path(settings.worker_locks_dir, "w")) as lock:
        assert lock.acquire()
        job = submit(jobs)
        start(jobs, job, "w")
        ((run, _),) = jobs.queue.started_runs()
        jobs.store.client.delete(f"rq:execution:{run}")
        jobs.store.client.hset(f"rq:job:{job.id}-1", "worker_name", "w")
        impatient(jobs, settings).reconcile()
        assert jobs.store.get(job.id).state == "running"
    impatient(jobs, settings).reconcile()  # it has let go: it is dead
    assert jobs.store.get(job.id).state == "queued"


def test_a_worker_elsewhere_lives_for_as_long_as_its_heartbeats_change_whatever_they_say(
    jobs: Jobs, settings: Settings
) -> None:
    """Its clock is an hour late, or ours is an hour early."""
    job = submit(jobs)
    start(jobs, job, "elsewhere")
    ((run, _),) = jobs.queue.started_runs()
    started = jobs.queue.queue_of(jobs.queue.find(job)).started_job_registry.key
    reconciler = Reconciler(jobs, settings.worker_locks_dir, heartbeat_patience_s=1e-9)
    for heartbeat in range(9):
        jobs.store.client.zadd(started, {run: heartbeat})
        reconciler.reconcile()
        assert jobs.store.get(job.id).state == "running"

    def given_up() -> bool:
        reconciler.reconcile()
        return jobs.store.get(job.id).state == "queued"

    until(given_up, "its silence is noticed")


def test_a_submission_lost_between_queue_and_start_comes_back(
    jobs: Jobs, reconciler: Reconciler, settings: Settings
) -> None:
    job = submit(jobs)
    queue = jobs.queue.queue_of(jobs.queue.find(job))
    jobs.store.client.lmove(queue.key, queue.intermediate_queue_key, "LEFT", "RIGHT")
    reconciler.reconcile()
    assert jobs.queue.waiting_ids() == []  # a worker may be about to start it
    impatient(jobs, settings).reconcile()
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
    """Its job process died after it had told the outcome and before RQ knew."""
    job = submit(jobs)
    begin(jobs, job.id, 1).succeed({"version": 1})
    submission = jobs.queue.find(job)
    assert submission is not None
    submission.set_status(JobStatus.FAILED)
    reconciler.settle(submission.id, "killed")
    reconciler.reconcile()
    assert jobs.store.get(job.id).state == "succeeded"


def test_the_jobs_of_a_deleted_task_are_cancelled_whatever_became_of_their_runs(
    jobs: Jobs, registry: Registry, reconciler: Reconciler, settings: Settings
) -> None:
    """The registry may be another process: all there is to see is the task's history."""
    publish(registry)
    waits, runs, died, forgotten, ended = (submit(jobs) for _ in range(5))
    start(jobs, runs, "elsewhere")
    dead_worker(settings, "w")
    start(jobs, died, "w")
    submission = jobs.queue.find(forgotten)
    assert submission is not None
    submission.delete()
    begin(jobs, ended.id, 1).succeed({"version": 1})
    registry.delete_task("pets", actor="ann", reason="over")
    anew = submit(jobs)
    reconciler.reconcile()
    for job in (waits, runs, died, forgotten):
        found = jobs.store.get(job.id)
        assert found.state == "cancelled"
        assert found.error is not None
        assert found.error["title"] == "task was deleted"
    assert jobs.store.get(ended.id).state == "succeeded"
    assert jobs.store.get(anew.id).state == "queued"


def test_a_run_that_fails_because_its_task_was_deleted_is_cancelled(
    jobs: Jobs, registry: Registry, reconciler: Reconciler
) -> None:
    """It wanted to start from a version that is gone: no reason to try it again."""
    publish(registry)
    job = submit(jobs)
    start(jobs, job, "w")
    registry.delete_task("pets", actor="ann", reason="over")
    reconciler.settle(f"{job.id}-1", "VersionUnknown: task 'pets' has no version 1")
    assert jobs.store.get(job.id).state == "cancelled"


@pytest.mark.parametrize("step", ["apply", "cancel_deleted", "write", "withdraw"])
def test_a_deletion_that_is_killed_before_any_of_its_steps_is_carried_out(
    jobs: Jobs, registry: Registry, reconciler: Reconciler, settings: Settings, step: str
) -> None:
    """kill -9 after the deletion's record was written: the task stays deleted, and its job is cancelled."""
    publish(registry)
    job = submit(jobs)
    command = [sys.executable, "-m", "tests.trainer.jobs.deleting_process", step]
    ours = {"NETTAILOR_DATA_DIR": str(settings.data_dir), "NETTAILOR_REDIS_URL": str(settings.redis_url)}
    killed = subprocess.run(command, env=without_settings() | ours, check=False)
    assert killed.returncode == -signal.SIGKILL
    with pytest.raises(TaskWasDeleted):
        publish(registry, 1, job.accepted)
    registry.reconcile()  # as every service does when it starts
    reconciler.reconcile()
    assert jobs.store.get(job.id).state == "cancelled"
    with pytest.raises(JobSuperseded):  # where it is still in the queue
        begin(jobs, job.id, 1)
    jobs.store.client.flushall()
    registry.rebuild()
    jobs.recover()
    reconciler.reconcile()
    assert jobs.store.get(job.id).state == "cancelled"
    assert registry.tasks() == []


def test_a_lock_that_expired_is_left_to_whoever_took_it(
    jobs: Jobs, reconciler: Reconciler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This reconciler was slow; what it has not looked at yet is the other's now."""
    submit(jobs)
    looked_at: list[str] = []

    def slow() -> None:
        jobs.store.client.set("nettailor:jobs:reconciling", "another's")

    monkeypatch.setattr(reconciler, "_rescue_strays", slow)
    monkeypatch.setattr(reconciler, "_look_at", looked_at.append)
    reconciler.reconcile()
    assert jobs.store.client.get("nettailor:jobs:reconciling") == b"another's"
    assert looked_at == []


def test_the_lock_is_free_again_after_a_round(jobs: Jobs, reconciler: Reconciler) -> None:
    reconciler.reconcile()
    assert not jobs.store.client.exists("nettailor:jobs:reconciling")


def test_a_job_that_cannot_be_read_does_not_stop_the_others(
    jobs: Jobs, registry: Registry, reconciler: Reconciler
) -> None:
    """And one of a task with an unreadable record is looked after as any other."""
    publish(registry)
    unreadable, of_a_bad_task = submit(jobs), submit(jobs)
    other = jobs.submit("zebras", "sha256:" + "0" * 64, {}, actor="ada")
    for job in (unreadable, of_a_bad_task, other):
        submission = jobs.queue.find(job)
        assert submission is not None
        submission.delete()
    jobs.store.client.hset(f"nettailor:job:{unreadable.id}", "document", "{}")
    jobs.store.client.rpush("nettailor:registry:history:pets", '{"kind":"of-tomorrow"}')
    reconciler.reconcile()
    assert set(jobs.queue.waiting_ids()) == {f"{other.id}-2", f"{of_a_bad_task.id}-2"}
    assert [job.id for job in jobs.store.latest(9)] == [other.id, of_a_bad_task.id]
