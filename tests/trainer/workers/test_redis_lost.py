"""A worker that is told to stop while Redis is away: nobody can be told that its job is given back, and it is."""

import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from hosting.redis_server.embedded import EmbeddedRedis
from tests.processes.redis_server import restart
from tests.trainer.workers.states import in_state
from tests.trainer.workers.stopping_workers import Start, stopped_job_process
from tests.trainer.workers.tiny_job import submit
from tests.waiting import PATIENCE_SECONDS
from trainer.service import Service
from trainer.settings import Settings


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """One that may be killed."""
    with EmbeddedRedis(tmp_path / "redis") as server:
        yield server


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> Settings:
    return Settings(data_dir=tmp_path / "data", redis_url=redis_url, job_attempts=1)


def test_ctrl_c_gives_the_job_back_and_costs_it_no_attempt(
    http: httpx.Client, service: Service, start: Start, redis_server: EmbeddedRedis
) -> None:
    worker = start("start")
    job = submit(http)
    stopped_job_process(worker)

    def stop() -> None:
        worker.send_signal(signal.SIGINT)
        worker.wait(PATIENCE_SECONDS)

    restart(redis_server, stop)
    in_state(service, job, "queued", "failed")
    worker = start("start")
    stopped_job_process(worker)
    assert service.jobs.store.get(job).state != "failed"
