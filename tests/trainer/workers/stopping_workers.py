"""Workers whose job processes stop at a given place."""

import contextlib
import sys
from collections.abc import Callable, Iterator

import psutil

from tests.processes.environment import without_settings
from tests.processes.liveness import is_gone
from tests.waiting import until
from trainer.settings import Settings

Start = Callable[..., psutil.Popen]


@contextlib.contextmanager
def starting(settings: Settings) -> Iterator[Start]:
    """Starts workers whose job processes stop at a place, if one is given; all end with the context."""
    started: list[psutil.Popen] = []

    def start_worker(stop_at: str = "", **environment: str) -> psutil.Popen:
        ours = {
            "NETTAILOR_DATA_DIR": str(settings.data_dir),
            "NETTAILOR_REDIS_URL": str(settings.redis_url),
            "NETTAILOR_JOB_ATTEMPTS": str(settings.job_attempts),
            "NETTAILOR_JOB_THREADS": "1",
            "NETTAILOR_JOB_NICENESS": "0",  # a yielding process waits for all other tests
            "NETTAILOR_LOG_LEVEL": "warning",
            "TINY_STOP_AT": stop_at,
        }
        command = [sys.executable, "-m", "tests.trainer.workers.programs.tiny_worker"]
        started.append(psutil.Popen(command, env=without_settings() | ours | environment, start_new_session=True))
        return started[-1]

    yield start_worker
    for process in started:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
        process.wait()


def kill(worker: psutil.Popen) -> None:
    """The worker, and its job process with it: it does not outlive its worker."""
    processes = worker.children()
    worker.kill()
    worker.wait()
    until(lambda: all(map(is_gone, processes)), "the job process dies with its worker")


def stopped_job_process(worker: psutil.Popen) -> psutil.Process:
    """Wait until the worker's job process has stopped itself."""

    def found() -> psutil.Process | None:
        assert worker.is_running()
        with contextlib.suppress(psutil.NoSuchProcess):
            return next((c for c in worker.children() if c.status() == psutil.STATUS_STOPPED), None)
        return None

    process = until(found, "the job process stops", pause_seconds=0.05)
    assert isinstance(process, psutil.Process)
    return process
