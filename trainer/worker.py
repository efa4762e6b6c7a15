"""`python -m trainer.worker`: takes jobs from the queue and runs each in a work-horse process of its own.

On top of RQ's worker: horses are spawned; a cancelled job's horse is killed within seconds; a stopping worker gives
its job back to the queue without it costing an attempt; and the job's own document follows every end of a run.
"""

import logging
import os
import signal
import sys
from types import FrameType
from typing import Any, Self

import redis
import rq
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer

from registry.logs import configure_logs
from registry.process import settings_of
from registry.wiring import connect, redis_service
from trainer.errors import QueueUnavailable
from trainer.jobs import Jobs
from trainer.leases import Lease
from trainer.queue import QUEUE, job_of
from trainer.reconcile import Reconciler, lease_path
from trainer.settings import Settings
from trainer.wiring import open_jobs

logger = logging.getLogger(__name__)

_HEARTBEAT_SECONDS = 1  # between looks at the work-horse: how fast a cancel that got lost still works
_HEARTBEAT_PATIENCE_SECONDS = 30  # without a heartbeat from another machine, its run is given to someone else
_WORKER_TTL_SECONDS = 18  # RQ waits for jobs 15 seconds less than this at a time, and maintains in between
_MAINTENANCE_SECONDS = 2


class TrainerWorker(rq.Worker):
    """Made by ``of``. In the work-horse an instance of the same class carries the job out."""

    horse_module = "trainer.horse"
    jobs: Jobs
    reconciler: Reconciler
    _returning: bool = False  # the running job goes back to the queue because this worker stops

    @classmethod
    def of(cls, settings: Settings, client: "redis.Redis", *, name: str | None = None, is_horse: bool = False) -> Self:
        worker = cls(
            [QUEUE],
            name=name,
            connection=client,
            serializer=JSONSerializer,
            worker_ttl=_WORKER_TTL_SECONDS,
            maintenance_interval=_MAINTENANCE_SECONDS,
            job_monitoring_interval=_HEARTBEAT_SECONDS,
            prepare_for_work=not is_horse,
            log_job_description=False,
        )
        worker.jobs = open_jobs(settings, client)
        worker.reconciler = Reconciler(worker.jobs, settings.leases_dir)
        return worker

    def fork_work_horse(self, job: Job, queue: rq.Queue) -> None:
        assert self.execution is not None
        arguments = [str(os.getpid()), self.name, job.id, self.execution.id]
        self._horse_pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", self.horse_module, *arguments],
            os.environ,
            setpgroup=0,  # a group of its own, so that a Ctrl-C is the worker's to handle and a kill gets all of it
        )

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:
        return _HEARTBEAT_PATIENCE_SECONDS

    def maintain_heartbeats(self, job: Job, execution: Execution) -> None:
        try:
            super().maintain_heartbeats(job, execution)
            wanted = self._is_wanted(job.id)
        except (RedisConnectionError, RedisTimeoutError, QueueUnavailable) as fault:
            logger.warning("no heartbeat: %s", fault)  # the work-horse waits for Redis as well
            wanted = True
        if self._stop_requested and not self._returning:  # asked in the instant the work-horse was being started
            self._returning = True
            self.kill_horse()
        if not wanted:
            logger.info("job %s was cancelled: killing its work-horse", job.id, extra={"job": job_of(job.id)[0]})
            self._stopped_job_id = job.id
            self.kill_horse()

    def _is_wanted(self, submission: str) -> bool:
        name, number = job_of(submission)
        job = self.jobs.store.find(name)
        # A job that has just ended is still wanted: its work-horse is tidying up.
        return job is not None and job.state != "cancelled" and job.submission == number

    def handle_job_failure(
        self,
        job: Job,
        queue: rq.Queue,
        started_job_registry: Any = None,
        exc_string: str = "",
        execution: Execution | None = None,
    ) -> None:
        if self._returning:
            job.retries_left = (job.retries_left or 0) + 1  # it did nothing wrong
        super().handle_job_failure(job, queue, started_job_registry, exc_string, execution)
        reason = "the worker was stopped" if self._returning else _last_line(exc_string)
        self.reconciler.settle(job.id, reason)

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """A job may take hours, so none is waited for: it goes back to the queue and on from its checkpoints later."""
        if self.horse_pid:
            self._returning = True
            self.kill_horse()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]  # RQ has not typed it

    def clean_registries(self) -> None:
        """RQ's own cleaning knows nothing of leases and documents, and its lock outlives a killed holder by minutes."""
        try:
            self.reconciler.reconcile()
        except QueueUnavailable as fault:
            logger.warning("%s", fault)
        self.last_cleaned_at = rq.utils.now()  # type: ignore[assignment]  # RQ declares it as None


def _last_line(trace: str) -> str:
    lines = [line.strip(" ;") for line in trace.strip().splitlines()]
    return lines[-1][:500] if lines else "no reason given"


def main(kind: type[TrainerWorker] = TrainerWorker) -> None:
    settings = settings_of(Settings)
    configure_logs(settings)
    with redis_service(settings) as url:
        os.environ["NETTAILOR_REDIS_URL"] = url  # for the work-horses
        worker = kind.of(settings, connect(url))
        with Lease(lease_path(settings.leases_dir, worker.name)) as lease:
            if not lease.acquire():
                raise SystemExit(f"another process holds {lease.path}")
            worker.work(logging_level=settings.log_level.upper())
            lease.path.unlink(missing_ok=True)


if __name__ == "__main__":
    # RQ and the work-horse import this module by name; the class must not exist a second time as `__main__`'s.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from trainer.worker import main as run_worker

    run_worker()
