"""Jobs in RQ's queues: how they wait, are withdrawn, and are stopped. JSON, never pickle; no timeouts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import redis
import rq
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.job import JobStatus, Retry
from rq.registry import StartedJobRegistry
from rq.serializers import JSONSerializer

from trainer.jobs.job import PRIORITIES, Job, Priority
from trainer.redis_errors import reachable

QUEUES: dict[Priority, str] = {"high": "tailoring-high", "normal": "tailoring", "low": "tailoring-low"}
# A name, as a process that only enqueues must not load torch. Submissions in Redis have it, so it must not change.
TASK = "trainer.tailoring.run"
_NO_TIMEOUT = -1
_KEPT = -1  # results: the job's own document is the record, RQ's copy costs little
_WORKERS = "rq:workers"
_KEPT_FAILED_SECONDS = 30 * 24 * 3600


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a queued job stands: how many jobs are served `ahead` of it, and the number of workers that are alive."""

    ahead: int
    workers: int


class JobQueue:
    """RQ's queues of tailorings, one a priority. An RQ job is one submission of a job: "<job id>-<submission>"."""

    def __init__(self, client: "redis.Redis", *, attempts: int) -> None:
        self.client = client
        self.attempts = attempts
        self.queues: dict[Priority, rq.Queue] = {
            priority: rq.Queue(
                QUEUES[priority], connection=client, serializer=JSONSerializer, default_timeout=_NO_TIMEOUT
            )
            for priority in PRIORITIES
        }
        self._started_keys: list[str] = [StartedJobRegistry(queue=queue).key for queue in self.queues.values()]

    def enqueue(self, pipeline: Any, job: Job) -> None:
        """Put a submission behind all others of its priority, within the caller's transaction."""
        self._enqueue(pipeline, job, at_front=False)

    def enqueue_first(self, pipeline: Any, job: Job) -> None:
        """As `enqueue`, but before all others of its priority: a job that had begun."""
        self._enqueue(pipeline, job, at_front=True)

    def _enqueue(self, pipeline: Any, job: Job, *, at_front: bool) -> None:
        retry = Retry(max=self.attempts - 1, enqueue_at_front=True) if self.attempts > 1 else None
        queue = self.queues[job.priority]
        submission = queue.create_job(
            TASK,
            args=(job.id, job.submission),
            job_id=submission_id(job),
            timeout=_NO_TIMEOUT,
            result_ttl=_KEPT,
            failure_ttl=_KEPT_FAILED_SECONDS,
            retry=retry,
            description=f"tailor {job.task} ({job.id})",
        )
        queue.enqueue_job(submission, pipeline=pipeline, at_front=at_front)

    def find(self, job: Job) -> "rq.job.Job | None":
        """The RQ job of the current submission."""
        return self.fetch(submission_id(job))

    def fetch(self, submission: str) -> "rq.job.Job | None":
        try:
            return rq.job.Job.fetch(submission, connection=self.client, serializer=JSONSerializer)
        except NoSuchJobError:
            return None

    def queue_of(self, submission: "rq.job.Job | None") -> rq.Queue:
        """The queue that a submission came from; where RQ knows nothing of it, that of normal priority."""
        origins = {QUEUES[priority]: queue for priority, queue in self.queues.items()}
        return origins.get("" if submission is None else str(submission.origin), self.queues["normal"])

    def withdraw(self, job: Job) -> None:
        """Take a cancelled job out of the queue, or ask the worker that runs it to kill its job process.

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
        """Runs that RQ believes to go on, "<submission>:<execution>"; each with a number that a heartbeat changes."""
        entries: list[tuple[bytes, float]] = []
        for key in self._started_keys:
            entries += cast("list[tuple[bytes, float]]", self.client.zrange(key, 0, -1, withscores=True))
        return [(entry.decode(), heartbeat) for entry, heartbeat in entries]

    def worker_of(self, run: str) -> str | None:
        """The name of the worker that a started run belongs to. Its submission has it, too, and for longer than the
        run, which Redis forgets when no heartbeat came for long."""
        name = cast("bytes | None", self.client.hget(_execution_key(run), "worker_name"))
        if name:
            return name.decode()
        submission = self.fetch(run.partition(":")[0])
        return None if submission is None else submission.worker_name

    def forget_run(self, pipeline: Any, run: str) -> None:
        for key in self._started_keys:
            pipeline.zrem(key, run)
        pipeline.delete(_execution_key(run))

    def waiting_ids(self) -> list[str]:
        """Submissions in the order in which they are served."""
        return [submission for queue in self.queues.values() for submission in queue.get_job_ids()]

    def places(self, jobs: Sequence[Job]) -> Mapping[str, Place]:
        """Of those that are queued, by id. Raises QueueUnavailable."""
        queued = [job for job in jobs if job.state == "queued"]
        if not queued:
            return {}
        with reachable():
            order = {submission: ahead for ahead, submission in enumerate(self.waiting_ids())}
        workers = self.living_workers()
        return {job.id: Place(ahead=order.get(submission_id(job), 0), workers=workers) for job in queued}

    def living_workers(self) -> int:
        """Workers, on any machine, whose registration has not expired. Raises QueueUnavailable."""
        with reachable():
            keys = cast("set[bytes]", self.client.smembers(_WORKERS))
            return self.client.exists(*keys) if keys else 0

    def taken_ids(self) -> list[str]:
        """Submissions that a worker took and has not started yet."""
        return [taken for queue in self.queues.values() for taken in queue.intermediate_queue.get_job_ids()]


def _execution_key(run: str) -> str:
    return f"rq:execution:{run}"


def submission_id(job: Job) -> str:
    return f"{job.id}-{job.submission}"


def job_of(submission: str) -> tuple[str, int]:
    """The job id and the number of a submission."""
    job, _, number = submission.rpartition("-")
    return job, int(number)
