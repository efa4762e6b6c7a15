"""RQ's queue on which a running job asks idle workers for help.

Workers look at it when no job waits. It is one queue for each folder of jobs, by an id in that folder: whoever works in
another folder, as on another machine that shares no disk, cannot reach the job's checkpoints and hears of nothing.
"""

import logging
import uuid
from pathlib import Path
from typing import cast

import redis
import rq
from rq.exceptions import NoSuchJobError
from rq.job import JobStatus
from rq.registry import StartedJobRegistry
from rq.serializers import JSONSerializer
from rq.worker_registration import WORKERS_BY_QUEUE_KEY

from hosting.processes.file_lock import FileLock
from nettailor.durable import write_durably
from trainer.errors import JobFolderLocked, QueueUnavailable
from trainer.jobs.job import Job
from trainer.jobs.queue import JobQueue, submission_id
from trainer.redis_errors import reachable
from trainer.settings import Settings

logger = logging.getLogger(__name__)

_TASK = "trainer.workers.helping.run"  # a name, as of the jobs' own
_MARK = "help"  # of RQ jobs: "help<number>_<submission>"
_NO_TIMEOUT = -1
_DELETED_AT_ONCE = 0
_KEPT_FAILED_SECONDS = 24 * 3600  # so long a helper that failed is not called again
_ID_PATIENCE_SECONDS = 10.0
_OPEN = (JobStatus.QUEUED, JobStatus.STARTED)


def is_help(rq_job: str) -> bool:
    """Whether an RQ job of this id is help for another one."""
    return rq_job.startswith(_MARK)


def helped_submission(rq_job: str) -> str:
    """The submission that an RQ job carries out or helps with."""
    return rq_job.rpartition("_")[2]


def help_queue_name(work_dir: Path) -> str:
    """That of the folder of jobs, which is given an id when it has none. Raises `JobFolderLocked`."""
    path = work_dir / "id"
    if not path.exists():
        _give_id(path)
    return f"tailoring-help-{path.read_text()}"


def _give_id(path: Path) -> None:
    """Under a lock: of two workers that start at once, one would go by an id that the other then replaces."""
    with FileLock(path.with_name("id.lock")) as lock:
        locked = lock.acquire(patience_seconds=_ID_PATIENCE_SECONDS)
        if path.exists():
            return
        if not locked:
            raise JobFolderLocked(str(lock.path))
        write_durably(path, [uuid.uuid4().hex.encode()])


class JobHelpers:
    """Calls helpers for one job. `own` says whether this worker is among those that help."""

    def __init__(self, client: "redis.Redis", name: str, jobs: JobQueue, job: Job, *, own: bool) -> None:
        self._client, self._jobs, self._job, self._own = client, jobs, job, own
        self._queue = rq.Queue(name, connection=client, serializer=JSONSerializer, default_timeout=_NO_TIMEOUT)

    @classmethod
    def of(cls, settings: Settings, jobs: JobQueue, job: Job) -> "JobHelpers | None":
        """None where there is no queue to call them on: the job goes on alone."""
        try:
            name = help_queue_name(settings.work_dir)
        except JobFolderLocked as fault:
            logger.warning("job %s calls no helpers: %s", job.id, fault)
            return None
        return cls(jobs.client, name, jobs, job, own=settings.worker_helps)

    def may_come(self) -> bool:
        """Whether there are other workers that help. While jobs wait, these have precedence."""
        try:
            return self._others() > 0 and not self._jobs.waiting_ids()
        except QueueUnavailable:
            return False

    def call(self, count: int) -> None:
        """Have so many in all. One that has failed once is not called again."""
        try:
            with reachable():
                missing = count
                for number in range(1, self._others() + 1):
                    if missing <= 0:
                        return
                    missing -= self._is_there(f"{_MARK}{number}_{submission_id(self._job)}")
        except QueueUnavailable as fault:
            logger.warning("job %s calls no helpers: %s", self._job.id, fault)

    def dismiss(self) -> None:
        """The job needs no help any more: call back who has not begun, and forget who has died."""
        try:
            with reachable():
                for rq_job in self._queue.get_job_ids():
                    if helped_submission(rq_job) == submission_id(self._job):
                        self._queue.remove(rq_job)
                        self._client.delete(rq.job.Job.key_for(rq_job))
                self._forget_dead()
        except QueueUnavailable as fault:
            logger.warning("job %s leaves helpers in the queue, who will find nothing to do: %s", self._job.id, fault)

    def _is_there(self, rq_job: str) -> bool:
        """Whether this helper is called now, or before; not if it has failed."""
        found = self._fetch(rq_job)
        if found is not None:
            status = found.get_status(refresh=False)
            if status not in _OPEN:
                return False
            if status == JobStatus.QUEUED or self._lives(found):
                return True
            self._forget_dead()
        called = self._queue.create_job(
            _TASK,
            args=(self._job.id, self._job.submission),
            job_id=rq_job,
            timeout=_NO_TIMEOUT,
            result_ttl=_DELETED_AT_ONCE,
            failure_ttl=_KEPT_FAILED_SECONDS,
            description=f"help to tailor {self._job.task} ({self._job.id})",
        )
        self._queue.enqueue_job(called)
        return True

    def _others(self) -> int:
        with reachable():
            keys = cast("set[bytes]", self._client.smembers(WORKERS_BY_QUEUE_KEY % self._queue.name))
            living: int = self._client.exists(*keys) if keys else 0
        return living - self._own

    def _lives(self, helper: "rq.job.Job") -> bool:
        """RQ forgets a worker that has sent no heartbeat for a minute or two."""
        return bool(self._client.exists(f"{rq.Worker.redis_worker_namespace_prefix}{helper.worker_name}"))

    def _forget_dead(self) -> None:
        """Helpers, of any job, whose worker has died."""
        started = StartedJobRegistry(queue=self._queue).key
        for entry in cast("list[bytes]", self._client.zrange(started, 0, -1)):
            rq_job = entry.decode().partition(":")[0]
            found = self._fetch(rq_job)
            if found is None or not self._lives(found):
                self._client.zrem(started, entry)
                # Not by RQ, which fails where an execution is gone already.
                keys = rq.job.Job.key_for(rq_job), f"rq:executions:{rq_job}".encode()
                self._client.delete(f"rq:execution:{entry.decode()}", *keys)

    def _fetch(self, rq_job: str) -> "rq.job.Job | None":
        try:
            return rq.job.Job.fetch(rq_job, connection=self._client, serializer=JSONSerializer)
        except NoSuchJobError:
            return None
