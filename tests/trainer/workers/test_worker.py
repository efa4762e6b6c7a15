"""Real workers and real job processes (only the recipe is a fake): success, cancel, and death of every kind."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import safetensors.torch

from nettailor.bundle.bundle import digest_of
from nettailor.network.backbones import build_backbone
from tests.pictures import huge_png
from tests.processes.environment import without_settings
from tests.trainer import archives
from tests.trainer.workers.states import in_state
from tests.waiting import PATIENCE_SECONDS, until
from trainer.service import Service
from trainer.settings import Settings
from trainer.wiring import open_registry

MANY = 400  # epochs: twenty seconds, so that a job is under way when it is killed
FEW = 5

Processes = list["subprocess.Popen[bytes]"]
_JOB_PROCESS = b"tests.trainer.workers.programs.fake_job_process"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "mini26.safetensors"
    safetensors.torch.save_file(build_backbone("mini26").state_dict(), path)
    return path


@pytest.fixture
def start(settings: Settings, weights: Path) -> Iterator[Callable[[], "subprocess.Popen[bytes]"]]:
    """Starts workers; all end with the test."""
    started: Processes = []
    environment = without_settings() | {
        "NETTAILOR_DATA_DIR": str(settings.data_dir),
        "NETTAILOR_REDIS_URL": str(settings.redis_url),
        "NETTAILOR_BACKBONE_WEIGHTS": str(weights),
        "NETTAILOR_JOB_THREADS": "1",
        "NETTAILOR_JOB_NICENESS": "0",  # a yielding process waits for all other tests
        "NETTAILOR_LOG_LEVEL": "warning",
    }

    def start_worker() -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "tests.trainer.workers.programs.fake_worker"]
        started.append(subprocess.Popen(command, env=environment, start_new_session=True))
        return started[-1]

    yield start_worker
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.wait()


def submit(http: httpx.Client, *, epochs: int, preset: str = "fast", files: archives.Files | None = None) -> str:
    data = archives.zip_of(files or archives.class_folders())
    answer = http.post(f"/tasks/pets/dataset?preset={preset}&seed={epochs}", content=data)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def in_training(service: Service, job: str, *, attempt: int) -> int:
    """Wait until an attempt trains; the job process's id."""

    def trains() -> bool:
        found = service.jobs.store.get(job)
        assert found.is_open, found
        last = service.jobs.store.events(job)[-1].event
        return found.attempt == attempt and found.state == "running" and last.kind == "epoch"

    until(trains, f"attempt {attempt} of {job} trains")
    (process,) = until(job_processes, "the job process is there")
    return int(process)


def job_processes() -> list[int]:
    """Living job processes of any test's worker."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and _JOB_PROCESS in (entry / "cmdline").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


def resumed_at(service: Service, job: str) -> list[int]:
    """The epoch each attempt started from."""
    events = [entry.event for entry in service.jobs.store.events(job)]
    return [int(str(event.fields["resumed_at"])) for event in events if "resumed_at" in event.fields]


def test_cancel_retry_success(
    http: httpx.Client, service: Service, settings: Settings, start: Callable[[], object]
) -> None:
    """Cancelled in training, retried, it goes on from its checkpoint and is published; bad images are reported."""
    start()
    files = {
        **archives.class_folders(),
        "cats/huge.png": huge_png(10_000, 10_000),
        "dogs/broken.jpg": archives.picture(1, suffix="jpg", side=64)[:500],
        "SOURCE.txt": b"made up",
    }
    job = submit(http, epochs=60, files=files)
    in_training(service, job, attempt=1)
    assert http.post(f"/jobs/{job}/cancel").json()["state"] == "cancelled"
    until(lambda: not job_processes(), "the job process ends")
    assert http.post(f"/jobs/{job}/retry").status_code == 202
    in_state(service, job, "succeeded")

    document = http.get(f"/jobs/{job}").json()
    assert (document["progress"], document["seconds_left"], document["stage"]) == (1.0, 0.0, "publish")
    dataset = document["dataset"]
    assert dataset["classes"] == {"cats": 10, "dogs": 10}
    assert (dataset["layout"], dataset["findings"]) == ("class folders", [])
    assert {skip["file"]: skip["reason"][:11] for skip in dataset["skipped"]} == {
        "SOURCE.txt": "not an imag",
        "cats/huge.png": "10000 x 100",
        "dogs/broken.jpg": "not a reada",
    }
    inspection = document["inspection"]
    assert (inspection["layout"], inspection["error"]) == ("class folders", None)
    assert inspection["classes"]["cats"] == {"train": 6, "val": 2, "test": 2}
    assert (inspection["left_out"], inspection["findings"]) == (dataset["skipped"], dataset["findings"])
    assert "class folders: 2 classes, 20 images, 3 left out" in http.get(f"/jobs/{job}/logs").text
    first, second = resumed_at(service, job)
    assert first == 0 < second
    registry = open_registry(settings, service.jobs.store.client)
    record = registry.resolve("pets")
    assert (record.version, record.job, record.digest) == (1, job, document["result"]["digest"])
    assert record.manifest.dataset == dataset["digest"] == digest_of(service.blobs.read(dataset["digest"]))
    assert document["result"]["alias"] == "live"
    # The job has succeeded before its record is written and its folder cleared: killed in between, it is not repeated.
    until(lambda: not (settings.work_dir / job / "dataset.zip").exists(), "the job process clears up")
    assert not (settings.work_dir / job / "checkpoints").exists()
    assert service.jobs.records.read(job) == service.jobs.store.get(job)
    metrics = http.get("/metrics").text
    assert 'nettailor_job_seconds_count{stage="intake"} 1.0' in metrics
    assert "nettailor_train_images_total" in metrics


# By day test_kills kills workers and their jobs in real trainings, test_ends has a job that dies each time, and
# test_redis_lost a worker that gives its job back.
@pytest.mark.nightly
def test_death_of_everything(
    http: httpx.Client, service: Service, start: Callable[[], "subprocess.Popen[bytes]"]
) -> None:
    """The worker is stopped in order (which costs no attempt), its successor killed, then the job process: the job is
    taken up again each time, and after its last attempt it fails with the reason. The service goes on: the next job,
    one class alone, fails with its own problem."""
    worker = start()
    job = submit(http, epochs=MANY)
    in_training(service, job, attempt=1)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(PATIENCE_SECONDS) == 0
    assert in_state(service, job, "queued").attempt == 1
    assert not job_processes()

    worker = start()
    in_training(service, job, attempt=2)
    worker.kill()
    worker.wait()
    until(lambda: not job_processes(), "the job process dies with its worker")
    start()
    process = in_training(service, job, attempt=3)
    os.kill(process, signal.SIGKILL)
    failed = in_state(service, job, "failed")
    assert failed.error is not None
    assert failed.error["type"] == "urn:nettailor:problem:job-died"
    assert "SIGKILL" in str(failed.error["detail"])
    assert resumed_at(service, job) == sorted(resumed_at(service, job))
    assert resumed_at(service, job)[-1] > 0

    poor = submit(http, epochs=FEW, files=archives.class_folders(["cats"]))
    failed = in_state(service, poor, "failed", "succeeded")
    assert failed.error is not None
    assert (failed.error["status"], failed.error["title"]) == (422, "data set too small")
    assert "found only cats" in str(failed.error["detail"])
    assert failed.inspection is not None
    assert "found only cats" in str(failed.inspection["error"])
    assert failed.attempt == 1  # the data will not get better by trying again
    assert 'nettailor_job_failures_total{reason="DatasetTooSmall"} 1.0' in http.get("/metrics").text


def test_jobs_come_back_when_redis_lost_everything(http: httpx.Client, service: Service) -> None:
    job = submit(http, epochs=FEW)
    document = http.get(f"/jobs/{job}").json()
    done = submit(http, epochs=FEW + 1)
    http.post(f"/jobs/{done}/cancel")
    service.jobs.store.client.flushall()
    assert service.jobs.recover() == 2
    assert http.get(f"/jobs/{job}").json() == document
    assert http.get(f"/jobs/{done}").json()["state"] == "cancelled"
    assert service.jobs.queue.waiting_ids() == [f"{job}-1"]
    assert service.jobs.recover() == 0
