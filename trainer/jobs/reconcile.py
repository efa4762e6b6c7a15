"""Reconciling jobs with RQ's queues: every open job has a place in a queue or a living worker, whatever died meanwhile;
and no job is open whose task was deleted.

RQ knows what waits and what was started; the job's document is what people see. After each failed run, and every few
seconds in every worker and service, the two are brought together here.
"""

import contextlib
import logging
from pathlib import Path

from redis.exceptions import LockError, LockNotOwnedError
from rq.job import JobStatus
from rq.job_lifecycle import record_job_failure

from hosting.processes.file_lock import is_dead, is_held
from hosting.processes.silence import Silence
from trainer.errors import JobDied, JobRecordDamaged, JobUnknown
from trainer.events import Event
from trainer.jobs.job import Job
from trainer.jobs.jobs import Jobs, changed, requeued
from trainer.jobs.queue import job_of, submission_id
from trainer.redis_errors import reachable

logger = logging.getLogger(__name__)

_LOCK = "nettailor:jobs:reconciling"
_LOCK_SECONDS = 30  # a reconciler that dies holds the others up for this long
_GIVEN_BACK = "its job goes back to the queue"
_STRAY_SECONDS = 5.0  # between being taken from the queue and being started lie milliseconds
_WAITING = {JobStatus.QUEUED, JobStatus.SCHEDULED, JobStatus.DEFERRED}


def lock_path(locks_dir: Path, worker: str) -> Path:
    """The file that a worker holds locked while it lives."""
    return locks_dir / f"{worker}.lock"


def _has_left_word(lock: Path) -> bool:
    with contextlib.suppress(OSError):
        return lock.read_text() == _GIVEN_BACK
    return False


class Reconciler:
    """Any number of processes may have one; one at a time does the work. The run of a worker of another machine that
    sends no heartbeat for longer than the patience is given to someone else."""

    def __init__(
        self, jobs: Jobs, locks_dir: Path, *, heartbeat_patience_s: float, stray_patience_s: float = _STRAY_SECONDS
    ) -> None:
        self._jobs = jobs
        self._locks_dir = locks_dir
        self._heartbeats = Silence(patience_s=heartbeat_patience_s)
        self._strays = Silence(patience_s=stray_patience_s, looks=3)

    def leave_word(self, worker: str) -> None:
        """Note in a living worker's lock file that it gives its job back, for whoever finds the worker dead later:
        where Redis is away, there is nobody else to tell. If that fails (a full disk), the job loses an attempt."""
        with contextlib.suppress(OSError):
            lock_path(self._locks_dir, worker).write_text(_GIVEN_BACK)

    def reconcile(self) -> None:
        """Look at every open job. Raises QueueUnavailable."""
        lock = self._jobs.queue.client.lock(_LOCK, timeout=_LOCK_SECONDS, blocking=False)
        with reachable():
            if not lock.acquire():
                return
            try:
                self._abandon_dead_runs()
                self._rescue_strays()
                for job in self._jobs.store.open_ids():
                    lock.reacquire()
                    self._look_at(job)
            except LockNotOwnedError:
                logger.warning("reconciling took longer than %d s, and another process goes on with it", _LOCK_SECONDS)
            finally:
                with contextlib.suppress(LockError):  # another process's lock is its own to release
                    lock.release()

    def _look_at(self, job: str) -> None:
        try:
            found = self._jobs.store.get(job)
            if found.is_open:  # it may have ended since
                self._settle(found, "the run was lost")
        except (JobRecordDamaged, JobUnknown) as fault:  # the others go on
            logger.error("job %s is not looked after: %s", job, fault)

    def settle(self, submission: str, reason: str) -> None:
        """Bring a job's document in line with what RQ made of its last run, which ended with ``reason``."""
        job, number = job_of(submission)
        try:
            found = self._jobs.store.get(job)
        except JobUnknown:
            return
        if found.is_open and found.submission == number:
            self._settle(found, reason)

    def _settle(self, job: Job, reason: str) -> None:
        if self._jobs.cancel_if_deleted(job):
            return
        submission = self._jobs.queue.find(job)
        status = None if submission is None else submission.get_status()
        if status in _WAITING and job.state == "running":
            self._wait_again(job, reason)
        elif status is None:
            self._submit_again(job)
        elif status == JobStatus.FINISHED and self._is_superseded(job):
            self._go_on(job)
        elif status in {JobStatus.FAILED, JobStatus.STOPPED, JobStatus.CANCELED, JobStatus.FINISHED}:
            self._fail(job, reason)

    def _is_superseded(self, job: Job) -> bool:
        """Whether the run that finished was one that had been given up before. Its process lived on (Redis was away, or
        the machine slept, for longer than a heartbeat is good for) and ended when it saw that it was taken over."""
        return job.state == "queued" or self._is_under_way(submission_id(job))

    def _is_under_way(self, submission: str) -> bool:
        """Looked for in the order in which a submission moves on, so that it is not missed on its way."""
        queue = self._jobs.queue
        return (
            submission in queue.waiting_ids()
            or submission in queue.taken_ids()
            or any(entry.partition(":")[0] == submission for entry, _ in queue.started_runs())
        )

    def _go_on(self, job: Job) -> None:
        """The attempt that followed the one that was given up goes on as ever, or has not begun and is lost with it."""
        if not self._is_under_way(submission_id(job)):
            self._submit_again(job)

    def _wait_again(self, job: Job, reason: str) -> None:
        def change(found: Job) -> tuple[Job, Event] | None:
            if found != job:
                return None
            result, event = changed(found, state="queued", seconds_left=None)
            return result, Event(
                kind=event.kind, stage=event.stage, progress=event.progress, fields={**event.fields, "reason": reason}
            )

        logger.warning("job %s waits for another attempt: %s", job.id, reason, extra=_about(job))
        self._jobs.store.update(job.id, change)

    def _submit_again(self, job: Job) -> None:
        def change(found: Job) -> tuple[Job, Event] | None:
            return requeued(found) if found == job else None

        logger.warning("job %s was missing from the queue", job.id, extra=_about(job))
        queue = self._jobs.queue
        self._jobs.store.update(job.id, change, queue.enqueue_first if job.attempt else queue.enqueue)

    def _fail(self, job: Job, reason: str) -> None:
        self._jobs.fail(job, JobDied(job.id, job.attempt, reason))

    def _abandon_dead_runs(self) -> None:
        """Give up runs whose worker has died. On this machine its lock says so, and whoever holds one lives, however
        late its heartbeats are; elsewhere, heartbeats that stay away say so."""
        runs = self._jobs.queue.started_runs()
        self._heartbeats.keep_only([entry for entry, _ in runs])
        for entry, heartbeat in runs:
            worker = self._jobs.queue.worker_of(entry)
            lock = None if worker is None else lock_path(self._locks_dir, worker)
            dead = lock is not None and is_dead(lock)
            lives = lock is not None and not dead and is_held(lock)
            submission = entry.partition(":")[0]
            if dead and lock is not None and _has_left_word(lock):
                self._abandon(submission, entry, "its worker was stopped", costs_attempt=False)
            elif dead or (not lives and self._heartbeats.is_broken_off(entry, heartbeat)):
                self._abandon(submission, entry, "its worker died")
            if dead and lock is not None:
                lock.unlink(missing_ok=True)

    def _rescue_strays(self) -> None:
        """Give up submissions that a worker took from the queue and never started, as it died in between."""
        started = {entry.partition(":")[0] for entry, _ in self._jobs.queue.started_runs()}
        strays = [submission for submission in self._jobs.queue.taken_ids() if submission not in started]
        self._strays.keep_only(strays)
        for submission in strays:
            if self._strays.is_broken_off(submission, None):
                self._abandon(submission, None, "its worker died before it began")

    def _abandon(self, submission: str, entry: str | None, reason: str, *, costs_attempt: bool = True) -> None:
        """Give a lost run back to the queue while it has attempts left."""
        found = self._jobs.queue.fetch(submission)
        if found is not None and not costs_attempt:
            found.retries_left = (found.retries_left or 0) + 1
        queue = self._jobs.queue.queue_of(found)
        waits = submission in self._jobs.queue.waiting_ids()
        logger.warning("submission %s: %s", submission, reason)
        with queue.connection.pipeline() as pipeline:
            if entry is not None:
                self._jobs.queue.forget_run(pipeline, entry)
            pipeline.lrem(queue.intermediate_queue_key, 0, submission)
            if found is not None and not waits and found.get_status() in {JobStatus.STARTED, JobStatus.QUEUED}:
                if found.should_retry:
                    found.retry(queue, pipeline)
                else:
                    record_job_failure(found, reason, pipeline)
            pipeline.execute()
        self.settle(submission, reason)


def _about(job: Job) -> dict[str, object]:
    """Fields of a log record."""
    return {"job": job.id, "task": job.task}
