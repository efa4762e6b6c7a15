"""The trainer within an HTTP process: jobs, blobs, metrics, and a thread that looks after open jobs."""

import logging
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from types import TracebackType

import redis
import redis.asyncio

from hosting.access import caller
from nettailor.architecture.geometry import geometry
from nettailor.complexity.counting import measured_path_costs
from registry.registry import Registry
from registry.storage import probe
from registry.storage.blobs import Blobs
from registry.wiring import SOCKET_TIMEOUT_SECONDS, connect
from trainer.errors import QueueUnavailable
from trainer.intake.archives.limits import IntakeLimits, intake_limits
from trainer.metrics import TrainerCollector
from trainer.settings import Settings
from trainer.wiring import housekeeping, open_jobs, reconciler_of

logger = logging.getLogger(__name__)

_RECONCILE_SECONDS = 5.0


class Service:
    """A context manager. ``start`` brings jobs that Redis has lost back from their records. An app mounts
    ``routes.router(service)``.

    Jobs are carried out by workers, which are processes of their own (`python -m trainer.worker`).
    """

    def __init__(self, settings: Settings, redis_url: str) -> None:
        self.settings = settings
        self.redis_url = redis_url
        self.blobs = Blobs(settings.blobs_location)
        self._redis = connect(redis_url)
        self.jobs = open_jobs(settings, self._redis, self.blobs)
        self.registry = Registry(self.blobs, self._redis)
        self.collector = TrainerCollector(
            self._redis, count_jobs=self.jobs.store.counts, count_workers=self.jobs.queue.living_workers
        )
        self._reconciler = reconciler_of(settings, self.jobs)
        self._housekeeping = housekeeping(settings, self.jobs)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep_reconciling, name="reconcile-jobs", daemon=True)

    def start(self) -> None:
        """Raises QueueUnavailable, StoreUnavailable, StoreUnusable, and CostTableInvalid where the setting names an
        unusable table: better now than in every job."""
        if self.settings.cost_table is not None:
            measured_path_costs(geometry(self.settings.backbone), self.settings.cost_table)
        probe.check(self.blobs.store)
        self.jobs.recover(thoroughly=True)
        self._thread.start()
        self._housekeeping.__enter__()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
            self._housekeeping.__exit__(None, None, None)
        self._redis.close()

    def __enter__(self) -> "Service":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def limits(self) -> IntakeLimits:
        return intake_limits(self.settings)

    def job_named(self, text: str) -> str:
        """The id of the job that a caller means, who may give its beginning; none of tasks that the caller's key is not
        for. Raises JobUnknown, JobAmbiguous, QueueUnavailable."""
        held = caller.key.get()
        return self.jobs.store.named(text, tasks=None if held is None else held.tasks)

    def task_of_job(self, job: str) -> str:
        """Raises JobUnknown, JobAmbiguous, QueueUnavailable."""
        return self.jobs.store.get(self.job_named(job)).task

    def cancel_jobs_of(self, task: str) -> None:
        """Called when a task was deleted in this process, so that its jobs need not wait for the reconciler."""
        try:
            self.jobs.cancel_deleted(task)
        except Exception:  # the task is deleted all the same, and the reconciler will look at its jobs
            logger.exception("the jobs of task %s, which was deleted, could not be cancelled at once", task)

    async def told(self, tell: "Callable[[redis.asyncio.Redis], AsyncIterator[str]]") -> AsyncGenerator[str, None]:
        """What `tell` yields. It waits in Redis, so it has a connection of its own, which is closed when it ends."""
        async with redis.asyncio.Redis.from_url(self.redis_url, socket_timeout=SOCKET_TIMEOUT_SECONDS) as client:
            async for text in tell(client):
                yield text

    def _keep_reconciling(self) -> None:
        while not self._stopping.wait(_RECONCILE_SECONDS):
            try:
                self._reconciler.reconcile()
                self.jobs.recover()
            except QueueUnavailable as fault:
                logger.warning("%s", fault)
            except OSError as fault:  # a full disk, say
                logger.error("records of jobs cannot be brought up to date: %s", fault)
            except Exception:  # a fault of one round must not end all later ones
                logger.exception("reconciling jobs failed")
