"""Submitting, finishing, cancelling and retrying jobs, and bringing accepted jobs back after Redis was lost."""

import contextlib
import dataclasses
import hashlib
import logging
import uuid
from collections.abc import Callable, Mapping

from hosting.telemetry import tracing
from nettailor.plain_text import check_json
from registry.errors import RecordCorrupt, TaskWasDeleted
from registry.registry import Registry
from trainer.errors import (
    IdempotencyConflict,
    JobConflict,
    JobRecordDamaged,
    JobRefused,
    JobUnknown,
    NothingToPublish,
    TrainerError,
)
from trainer.events import Event, Json
from trainer.jobs.job import PUBLISH, SEARCH, Job, Priority, now
from trainer.jobs.option_checks import predecessor_of
from trainer.jobs.queue import JobQueue
from trainer.jobs.quota import Quota
from trainer.jobs.records import JobRecords
from trainer.jobs.store import JobStore
from trainer.metrics import TrainerMetrics
from trainer.problems import problem_of_job
from trainer.redis_errors import reachable

logger = logging.getLogger(__name__)


class Jobs:
    """Every method raises QueueUnavailable without Redis."""

    def __init__(self, store: JobStore, queue: JobQueue, records: JobRecords, quota: Quota, registry: Registry) -> None:
        self.store = store
        self.queue = queue
        self.records = records
        self.quota = quota
        self._registry = registry

    def submit(
        self,
        task: str,
        upload: str,
        options: Mapping[str, Json],
        *,
        actor: str,
        priority: Priority = "normal",
        idempotency_key: str | None = None,
    ) -> Job:
        """Queue a tailoring of an upload (the digest of a blob that is already stored).

        When this returns, the job survives the loss of every process and of Redis. The same idempotency key again
        returns the same job; with another upload, other options or another priority it raises IdempotencyConflict.
        Raises TooManyJobs, JobRefused, OptionsInvalid.
        """
        try:
            check_json(options)
            job = Job(
                id=_job_id(task, idempotency_key),
                task=task,
                upload=upload,
                options=dict(options),
                actor=actor,
                priority=priority,
                created_at=now(),
                trace=tracing.traceparent(),
            )
        except ValueError as fault:
            raise JobRefused(str(fault)) from fault
        found = self.store.find(job.id)
        if found is None:
            with reachable():
                sequence, stands_on = self._registry.sequence(task), self._predecessor(job)
            job = dataclasses.replace(job, task_sequence=sequence, stands_on=stands_on)
            with self.quota.room(job):
                self.records.write(job)  # first: no job may be known to Redis alone
                found = self.store.create(job, state_event(job), self.queue.enqueue)
        if (found.upload, found.options, found.priority) != (job.upload, job.options, job.priority):
            assert idempotency_key is not None
            raise IdempotencyConflict(idempotency_key, found.id)
        return found

    def cancel(self, job: str) -> Job:
        """Stop a job for good; a running one ends within seconds. Raises JobUnknown, JobConflict."""

        def change(found: Job) -> tuple[Job, Event]:
            if not found.is_open or found.stage == PUBLISH:
                raise JobConflict(job, "publishing" if found.is_open else found.state, "cancelled")
            return changed(found, state="cancelled", seconds_left=None, ended_at=now())

        return self._cancel(job, change, "asked")

    def finish(self, job: str, *, by: str) -> Job:
        """Have a job publish the best candidate that it has measured so far; its process sees the request at the end of
        an epoch. Asking again changes nothing. Raises JobUnknown, JobConflict, NothingToPublish."""

        def change(found: Job) -> tuple[Job, Event] | None:
            if not found.is_open:
                raise JobConflict(job, found.state, "finished early")
            if found.finish is not None:
                return None
            if found.stage in {"select", PUBLISH}:
                raise JobConflict(job, "publishing", "finished early")
            if not found.front and found.stage not in SEARCH:
                raise NothingToPublish(job)
            request: dict[str, Json] = {"by": by, "at": now(), "candidates": found.measured}
            fields: dict[str, Json] = {"message": f"finishing early: {by} asked for the best so far"}
            event = Event(kind="log", stage=found.stage or "", progress=found.progress, fields=fields)
            return dataclasses.replace(found, finish=request), event

        result = self.store.update(job, change)
        self.record(result)
        return result

    def cancel_if_deleted(self, job: Job) -> bool:
        """Cancel a job if its task was deleted after the job was accepted; returns whether it was.

        In any stage, `publish` too: the registry refuses whatever the job would still publish.
        """
        try:
            fault = self._deletion(job)
        except RecordCorrupt as unread:  # then nothing can be published either
            logger.debug("job %s goes on, whether or not its task was deleted: %s", job.id, unread)
            return False
        if fault is None:
            return False
        error = problem_of_job(fault, job.id)

        def change(found: Job) -> tuple[Job, Event] | None:
            if not found.is_open:
                return None
            return changed(found, state="cancelled", error=error, seconds_left=None, ended_at=now())

        logger.warning("job %s is cancelled: its task %s was deleted", job.id, job.task)
        self._cancel(job.id, change, "task_deleted")
        return True

    def cancel_deleted(self, task: str) -> None:
        """Cancel every job of a task that has just been deleted."""
        for job in self.store.all_open():
            if job.task == task:
                self.cancel_if_deleted(job)

    def retry(self, job: str) -> Job:
        """Queue a failed or cancelled job again; it goes on from its checkpoints.

        Raises JobUnknown, JobConflict, TooManyJobs, and `TaskWasDeleted` for a job that is older than the deletion.
        """
        before = self.store.get(job)
        if (fault := self._deletion(before)) is not None:
            raise fault

        def change(found: Job) -> tuple[Job, Event]:
            if found.state not in {"failed", "cancelled"}:
                raise JobConflict(job, found.state, "retried")
            return requeued(found)

        with self.quota.room(before):
            result = self.store.update(job, change, self.queue.enqueue)
        self.record(result)
        return result

    def fail(self, job: Job, fault: TrainerError) -> None:
        """Fail a job whose process cannot do so itself, unless the job has changed meanwhile."""
        problem = problem_of_job(fault, job.id)

        def change(found: Job) -> tuple[Job, Event] | None:
            if found != job:
                return None
            return changed(found, state="failed", error=problem, seconds_left=None, ended_at=now())

        result = self.store.update(job.id, change)
        if result.error is not None:
            logger.error("job %s failed: %s", job.id, fault)
            TrainerMetrics(self.store.client).count_failure(type(fault).__name__)
        self.record(result)

    def record(self, job: Job) -> None:
        """Write to the job's record what Redis holds already. Where that fails (a full disk), the job has changed all
        the same, and `recover` makes up for it."""
        try:
            self.records.write(job)
        except OSError as fault:
            logger.error("the record of job %s, now %s, has to wait: %s", job.id, job.state, fault)

    def recover(self, *, thoroughly: bool = False) -> int:
        """Bring back every job that has a record but is unknown to Redis; returns how many. Open ones are queued.

        All records are looked at when Redis lost its data or `thoroughly` says so; else only those that are marked as
        open, among them every job whose process died between its record and Redis. Those are brought in line, too.
        """
        count, run = 0, self.store.run_of_redis()
        if thoroughly or not self.store.is_complete(run):
            known = self.store.known_ids()
            count = self._bring_back([job for job in self.records.ids() if job not in known])
            self.store.set_complete(run)
        marked = self.records.marked_ids()
        known_ended = {job: self._has_ended(job) for job in marked}
        count += self._bring_back([job for job in marked if known_ended[job] is None])
        for job in [job for job in marked if known_ended[job]]:
            self._write_record(job)
        for job in sorted(set(self.store.open_ids()) - set(marked)):
            if not self._end_as_recorded(job):
                self._write_record(job)
        if count:
            logger.warning("%d jobs brought back from their records", count)
        return count

    def _bring_back(self, ids: list[str]) -> int:
        """Returns how many. They wait as they did: those that had begun first, then in the order of their creation."""
        jobs = list(self.records.readable(ids))
        for job in sorted(jobs, key=lambda job: (job.state != "running", job.created_at)):
            if job.is_open:
                queued = dataclasses.replace(job, state="queued", attempt=0, stage=None, progress=0.0)
                self.store.create(queued, state_event(queued), self.queue.enqueue)
            else:
                self.store.create(job, state_event(job), lambda _pipeline, _job: None)
        return len(jobs)

    def _has_ended(self, job: str) -> bool | None:
        """As Redis has it; None if it knows no such job."""
        try:
            found = self.store.find(job)
        except JobRecordDamaged:
            return False  # its record is better left as it is
        return None if found is None else not found.is_open

    def _end_as_recorded(self, job: str) -> bool:
        """End a job that is open in Redis alone; returns whether it is ended now.

        Records are written after Redis. So Redis has lost what it had last, or came back with older data, unless a
        retry opened the job again.
        """
        recorded = next(iter(self.records.readable([job])), None)
        if recorded is None or recorded.is_open:
            return False
        ended = recorded

        def change(found: Job) -> tuple[Job, Event] | None:
            return (ended, state_event(ended)) if found.is_open and found.submission <= ended.submission else None

        with contextlib.suppress(JobRecordDamaged, JobUnknown):
            result = self.store.update(job, change)
            if result == ended:
                logger.warning("job %s is %s by its record, and Redis did not know it any more", job, ended.state)
                self.queue.withdraw(result)
            return not result.is_open
        return False

    def _write_record(self, job: str) -> None:
        """Write what Redis says of a job, and once more if another process changed it meanwhile."""
        with contextlib.suppress(JobRecordDamaged):
            found = self.store.find(job)
            while found is not None:
                self.records.write(found)
                again = self.store.find(job)
                if again is None or (again.state, again.submission) == (found.state, found.submission):
                    return
                found = again

    def _cancel(self, job: str, change: Callable[[Job], tuple[Job, Event] | None], reason: str) -> Job:
        result = self.store.update(job, change, lambda pipeline, _: TrainerMetrics(pipeline).count_cancellation(reason))
        if result.state == "cancelled":
            self.record(result)
            self.queue.withdraw(result)
        return result

    def _predecessor(self, job: Job) -> str | None:
        """Of the version that its options name to stand on, which nobody deletes from now on. Raises OptionsInvalid."""
        after = job.options.get("after")
        found = predecessor_of(after, self._registry) if isinstance(after, str) else None
        return None if found is None else found.digest

    def _deletion(self, job: Job) -> TaskWasDeleted | None:
        try:
            with reachable():
                self._registry.check_not_deleted(job.task, job.accepted)
        except TaskWasDeleted as fault:
            return fault
        return None


def changed(job: Job, **changes: object) -> tuple[Job, Event]:
    """A job with some members replaced, and the event that says so."""
    result = dataclasses.replace(job, **changes)  # type: ignore[arg-type]  # names and types are checked by callers' tests
    return result, state_event(result)


def requeued(job: Job) -> tuple[Job, Event]:
    """A job as a new submission, and the event that says so."""
    return changed(
        job, state="queued", submission=job.submission + 1, attempt=0, error=None, ended_at=None, seconds_left=None
    )


def state_event(job: Job) -> Event:
    fields: dict[str, Json] = {"state": job.state, "attempt": job.attempt}
    if job.error is not None:
        fields["error"] = dict(job.error)
    if job.result is not None:
        fields["result"] = dict(job.result)
    return Event(kind="state", stage=job.stage or "", progress=job.progress, fields=fields)


def _job_id(task: str, idempotency_key: str | None) -> str:
    if idempotency_key is None:
        return uuid.uuid4().hex
    # The key decides the id, so that of two equal requests at once only one can make the job.
    return hashlib.sha256(f"{task}\n{idempotency_key}".encode()).hexdigest()[:32]
