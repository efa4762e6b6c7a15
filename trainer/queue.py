"""The RQ side of a job: how it waits, is taken back, and is stopped. JSON, never pickle; no timeouts."""

from typing import Any, cast

import redis
import rq
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.job import JobStatus, Retry
from rq.registry import StartedJobRegistry
from rq.serializers import JSONSerializer

from trainer.job import Job

QUEUE = "tailoring"
TASK = "trainer.tailoring.run"  # by name: who only enqueues must not load torch
_NO_TIMEOUT = -1
_KEPT = -1  # results: the job's own document is the record, RQ's copy costs little
_KEPT_FAILED_SECONDS = 30 * 24 * 3600


class JobQueue:
    """RQ's queue of tailorings. An RQ job is one submission of a job: "<job id>-<submission>"."""

    def __init__(self, client: "redis.Redis", *, attempts: int) -> None:
        self.client = client
        self.attempts = attempts
        self.rq = rq.Queue(QUEUE, connection=client, serializer=JSONSerializer, default_timeout=_NO_TIMEOUT)
        self._started_key: str = StartedJobRegistry(queue=self.rq).key

    def enqueue(self, pipeline: Any, job: Job) -> None:
        """Put a submission into the queue, within the caller's transaction."""
        retry = Retry(max=self.attempts - 1, enqueue_at_front=True) if self.attempts > 1 else None
        submission = self.rq.create_job(
            TASK,
            args=(job.id, job.submission),
            job_id=submission_id(job),
            timeout=_NO_TIMEOUT,
            result_ttl=_KEPT,
            failure_ttl=_KEPT_FAILED_SECONDS,
            retry=retry,
            description=f"tailor {job.task} ({job.id})",
        )
        self.rq.enqueue_job(submission, pipeline=pipeline)

    def find(self, job: Job) -> "rq.job.Job | None":
        """The RQ job of the current submission."""
        try:
            return rq.job.Job.fetch(submission_id(job), connection=self.client, serializer=JSONSerializer)
        except NoSuchJobError:
            return None

    def withdraw(self, job: Job) -> None:
        """Take a cancelled job out of the queue, or ask the worker that runs it to kill its work-horse.

        A worker that misses the message sees the job's state at its next heartbeat.
        """
        submission = self.find(job)
        if submission is None:
            return
        if submission.get_status() == JobStatus.STARTED and submission.worker_name:
            rq.command.send_command(self.client, submission.worker_name, "stop-job", job_id=submission.id)
            return
        try:
            submission.cancel()
        except InvalidJobOperation:
            return  # cancelled already

    def started_runs(self) -> list[tuple[str, float]]:
        """Runs that RQ believes to go on, "<submission>:<execution>", with the time (Unix) their heartbeat expires."""
        entries = cast("list[tuple[bytes, float]]", self.client.zrange(self._started_key, 0, -1, withscores=True))
        return [(entry.decode(), expires) for entry, expires in entries]

    def worker_of(self, run: str) -> str | None:
        """The name of the worker that a started run belongs to."""
        name = cast("bytes | None", self.client.hget(_execution_key(run), "worker_name"))
        return None if name is None else name.decode()

    def forget_run(self, pipeline: Any, run: str) -> None:
        pipeline.zrem(self._started_key, run)
        pipeline.delete(_execution_key(run))

    def waiting_ids(self) -> list[str]:
        return self.rq.get_job_ids()


def _execution_key(run: str) -> str:
    return f"rq:execution:{run}"


def submission_id(job: Job) -> str:
    return f"{job.id}-{job.submission}"


def job_of(submission: str) -> tuple[str, int]:
    """The job id and the number of a submission."""
    job, _, number = submission.rpartition("-")
    return job, int(number)
