"""Killed at any point, a job ends with the bundle of an uninterrupted run: real workers, the real recipe, kill -9."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from hosting.redis_server.embedded import EmbeddedRedis
from tests.processes.redis_server import restart
from tests.trainer.workers.states import in_state
from tests.trainer.workers.stopping_workers import Start, kill, stopped_job_process
from tests.trainer.workers.tiny_job import STAGES, submit, tiny_digest
from tests.waiting import until
from trainer.jobs.job import Job
from trainer.service import Service
from trainer.settings import Settings


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """One that may be killed."""
    with EmbeddedRedis(tmp_path / "redis") as server:
        yield server


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> Settings:
    return Settings(data_dir=tmp_path / "data", redis_url=redis_url, job_attempts=len(STAGES) + 1)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_digest(tmp_path_factory.mktemp("whole"))


def killed_in(
    http: httpx.Client, service: Service, start: Start, redis_server: EmbeddedRedis, stages: tuple[str, ...]
) -> Job:
    """How a job ended whose worker was killed once in each of these stages."""
    job = submit(http)
    for attempt, stage in enumerate(stages, start=1):
        # after the second epoch of the teacher Redis is killed as well, and back before the run goes on
        worker = start("teacher student" if stage == "student" else stage)
        process = stopped_job_process(worker)
        if stage == "student":
            assert service.jobs.store.get(job).stage == "teacher"
            restart(redis_server)
            process.resume()
            until(lambda: service.jobs.store.get(job).stage == "student", "the run goes on")
            stopped_job_process(worker)
        found = service.jobs.store.get(job)
        assert (found.state, found.stage, found.attempt) == ("running", stage, attempt)
        kill(worker)
    start()
    ended = in_state(service, job, "succeeded", "failed")
    assert ended.attempt == len(stages) + 1
    return ended


def assert_published(ended: Job, digest: str) -> None:
    assert ended.result is not None, ended.error
    assert (ended.result["digest"], ended.result["version"], ended.result["alias"]) == (digest, 1, "live")


def test_killed_before_within_and_after_the_trainings(
    http: httpx.Client, service: Service, start: Start, whole: str, redis_server: EmbeddedRedis
) -> None:
    """That each training goes on from its checkpoints is tested with the recipe, in one process."""
    assert_published(killed_in(http, service, start, redis_server, ("intake", "student", "publish")), whole)


@pytest.mark.nightly  # by day recipe/methods breaks each method off in one process
def test_another_method_killed_in_its_training(
    http: httpx.Client, service: Service, start: Start, tmp_path: Path
) -> None:
    job = submit(http, "&method=batchnorm")
    worker = start("student")
    stopped_job_process(worker)
    assert [row["k"] for row in service.jobs.store.get(job).front] == [0]
    kill(worker)
    start()
    assert_published(in_state(service, job, "succeeded", "failed"), tiny_digest(tmp_path, method="batchnorm"))


@pytest.mark.nightly
def test_killed_once_in_every_stage(
    http: httpx.Client, service: Service, start: Start, whole: str, redis_server: EmbeddedRedis
) -> None:
    assert_published(killed_in(http, service, start, redis_server, STAGES), whole)


@pytest.mark.nightly
@pytest.mark.parametrize("stage", STAGES)
def test_killed_in_one_stage(http: httpx.Client, service: Service, start: Start, whole: str, stage: str) -> None:
    job = submit(http)
    worker = start(stage)
    stopped_job_process(worker)
    kill(worker)
    start()
    ended = in_state(service, job, "succeeded", "failed")
    assert ended.result is not None, ended.error
    assert (ended.result["digest"], ended.attempt) == (whole, 2)
