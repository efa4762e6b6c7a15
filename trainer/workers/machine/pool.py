"""The workers of this machine: as many processes as its devices and settings say, each started again when it dies."""

import os
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from hosting.processes.supervisor import Supervisor
from trainer.settings import Settings
from trainer.workers.machine.slots import slots

_STOP_SECONDS = 10.0
MODULE = "trainer.worker"


class Workers:
    """A context manager. Workers have this process's environment and `environment`. Raises WorkerDevicesInvalid."""

    def __init__(self, settings: Settings, environment: Mapping[str, str], *, module: str = MODULE) -> None:
        places = slots(
            settings.worker_devices,
            jobs_per_device=settings.worker_jobs_per_device,
            job_threads=settings.job_threads,
        )
        share = max(1, settings.job_memory_limit_bytes // max(1, len(places)))
        memory = {} if settings.job_memory_bytes else {"NETTAILOR_JOB_MEMORY_BYTES": str(share)}
        self._workers = [
            Supervisor(
                [sys.executable, "-m", module],
                name=f"training worker {number} on {place.device}",
                environment={**environment, **memory, **place.environment(os.environ)},
            )
            for number, place in enumerate(places)
        ]

    def start(self) -> None:
        for worker in self._workers:
            worker.start()

    def stop(self) -> None:
        """Stop all workers at once: each gives its job back to the queue. Returns when all have ended."""
        if not self._workers:
            return
        with ThreadPoolExecutor(len(self._workers)) as pool:
            list(pool.map(lambda worker: worker.stop(grace_seconds=_STOP_SECONDS), self._workers))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
