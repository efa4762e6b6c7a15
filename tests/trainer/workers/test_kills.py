"""Killed at any point, a job ends with the bundle of an uninterrupted run: real workers, the real recipe, kill -9."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest
import torch

from hosting.redis_server.embedded import EmbeddedRedis
from nettailor.bundle.bundle import digest_of
from tests.environment import without_settings
from tests.trainer import archives
from tests.trainer.tiny import tiny_backbone, tiny_config
from tests.trainer.workers.test_worker import in_state, until
from trainer.intake.freeze import freeze
from trainer.recipe.pipeline import tailor
from trainer.service import Service
from trainer.settings import Settings

STAGES = ("intake", "teacher", "student", "prune", "retrain", "select", "publish")
UPLOAD = archives.zip_of(archives.class_folders(each=16))
SEED = 3

Start = Callable[..., psutil.Popen]


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


def tiny_digest(folder: Path) -> str:
    """The digest of the bundle that a run in one piece makes, in this process."""
    upload, dataset = folder / "upload", folder / "dataset.zip"
    upload.write_bytes(UPLOAD)
    freeze(upload, dataset, Settings().limits)
    config = tiny_config(bf16=False, seed=SEED)
    torch.set_num_threads(1)  # as the work-horses: another test of this process may have left another number
    made = tailor("pets", dataset, config, backbone=tiny_backbone(), report=lambda event: None, checkpoints=folder)
    return digest_of(made.bundle)


@pytest.fixture
def start(settings: Settings) -> Iterator[Start]:
    with starting(settings) as start_worker:
        yield start_worker


@contextlib.contextmanager
def starting(settings: Settings) -> Iterator[Start]:
    """Starts workers whose work-horses stop at a place, if one is given; all end with the context."""
    started: list[psutil.Popen] = []

    def start_worker(stop_at: str = "", **environment: str) -> psutil.Popen:
        ours = {
            "NETTAILOR_DATA_DIR": str(settings.data_dir),
            "NETTAILOR_REDIS_URL": str(settings.redis_url),
            "NETTAILOR_JOB_ATTEMPTS": str(settings.job_attempts),
            "NETTAILOR_JOB_THREADS": "1",
            "NETTAILOR_LOG_LEVEL": "warning",
            "TINY_STOP_AT": stop_at,
        }
        command = [sys.executable, "-m", "tests.trainer.workers.tiny_worker"]
        started.append(psutil.Popen(command, env=without_settings() | ours | environment, start_new_session=True))
        return started[-1]

    yield start_worker
    for process in started:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
        process.wait()


def submit(http: httpx.Client, query: str = "") -> str:
    answer = http.post(f"/tasks/pets/dataset?preset=fast&seed={SEED}{query}", content=UPLOAD)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def stopped_horse(worker: psutil.Popen) -> psutil.Process:
    """Wait until the worker's work-horse has stopped itself."""

    def found() -> psutil.Process | None:
        assert worker.is_running()
        with contextlib.suppress(psutil.NoSuchProcess):
            return next((c for c in worker.children() if c.status() == psutil.STATUS_STOPPED), None)
        return None

    horse = until(found, "the work-horse stops")
    assert isinstance(horse, psutil.Process)
    return horse


def kill(worker: psutil.Popen) -> None:
    """The worker, and its work-horse with it: it does not outlive its worker."""
    horses = worker.children()
    worker.kill()
    worker.wait()
    until(lambda: all(map(is_gone, horses)), "the work-horse dies with its worker")


def is_gone(process: psutil.Process) -> bool:
    """A zombie is: who adopts it reaps it when it likes."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    return True


def restart(server: EmbeddedRedis, meanwhile: Callable[[], None] = lambda: None) -> None:
    """Redis is killed, and started again on the same folder."""
    assert server._process is not None
    (redis,) = psutil.Process(server._process.pid).children()
    redis.kill()
    server._process.wait()
    server.stop()  # only closes what is left of it
    meanwhile()
    server.start()


def test_killed_once_in_every_stage(
    http: httpx.Client, service: Service, start: Start, whole: str, redis_server: EmbeddedRedis
) -> None:
    job = submit(http)
    for attempt, stage in enumerate(STAGES, start=1):
        # after the second epoch of the teacher Redis is killed as well, and back before the run goes on
        worker = start("teacher student" if stage == "student" else stage)
        horse = stopped_horse(worker)
        if stage == "student":
            assert service.jobs.store.get(job).stage == "teacher"
            restart(redis_server)
            horse.resume()
            until(lambda: service.jobs.store.get(job).stage == "student", "the run goes on")
            stopped_horse(worker)
        found = service.jobs.store.get(job)
        assert (found.state, found.stage, found.attempt) == ("running", stage, attempt)
        kill(worker)
    start()
    ended = in_state(service, job, "succeeded", "failed")
    assert ended.result is not None, ended.error
    assert ended.result["digest"] == whole
    assert (ended.result["version"], ended.result["alias"], ended.attempt) == (1, "live", len(STAGES) + 1)


@pytest.mark.nightly
@pytest.mark.parametrize("stage", STAGES)
def test_killed_in_one_stage(http: httpx.Client, service: Service, start: Start, whole: str, stage: str) -> None:
    job = submit(http)
    worker = start(stage)
    stopped_horse(worker)
    kill(worker)
    start()
    ended = in_state(service, job, "succeeded", "failed")
    assert ended.result is not None, ended.error
    assert (ended.result["digest"], ended.attempt) == (whole, 2)
