"""`python -m trainer` as a whole: its workers; and the machine that goes down under a job: service, workers,
job process and Redis are killed together, and started again; or sleeps."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.documented import ROOT
from tests.processes.environment import without_settings
from tests.processes.liveness import is_gone
from tests.processes.ports import free_port
from tests.trainer.workers.tiny_job import SEED, UPLOAD, tiny_digest
from tests.waiting import until
from trainer.settings import Settings


class Machine:
    """`python -m trainer` with an embedded Redis and one worker, on a folder that outlives it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.http = httpx.Client(trust_env=False, timeout=60)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, stop_at: str = "", *, workers: int = 1, **environment: str) -> None:
        port = free_port()
        self.http.base_url = httpx.URL(f"http://127.0.0.1:{port}")
        ours = {
            "NETTAILOR_DATA_DIR": str(self._folder),
            "NETTAILOR_PORT": str(port),
            "NETTAILOR_JOB_ATTEMPTS": "3",
            "NETTAILOR_WORKER_DEVICES": "cpu",
            "NETTAILOR_WORKER_JOBS_PER_DEVICE": str(workers),
            "NETTAILOR_JOB_THREADS": "1",
            "NETTAILOR_JOB_NICENESS": "0",  # a yielding process waits for all other tests
            "NETTAILOR_LOG_LEVEL": "warning",
            "TINY_STOP_AT": stop_at,
        }
        command = [sys.executable, "-m", "tests.trainer.workers.programs.tiny_trainer"]
        inherited = without_settings() | ours | environment
        self._process = subprocess.Popen(command, env=inherited, cwd=ROOT, start_new_session=True)
        until(self._answers, process=self._process)

    def _answers(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return self.http.get("/readyz").is_success
        return False

    def job(self, job: str) -> dict[str, Any]:
        document: dict[str, Any] = self.http.get(f"/jobs/{job}").json()
        return document

    def family(self) -> list[psutil.Process]:
        return [] if self._process is None else psutil.Process(self._process.pid).children(recursive=True)

    def stopped_job_process(self) -> psutil.Process | None:
        for process in self.family():
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.status() == psutil.STATUS_STOPPED:
                    return process
        return None

    def everybody(self) -> list[psutil.Process]:
        assert self._process is not None
        return [*self.family(), psutil.Process(self._process.pid)]

    def lose_power(self) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        everybody = self.everybody()
        for process in everybody:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()
        until(lambda: all(map(is_gone, everybody)), "everybody is gone")


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path / "data")
    yield machine
    machine.lose_power()
    machine.http.close()


def workers(machine: Machine) -> dict[int, dict[str, str]]:
    """Environments by process id."""
    found = {}
    for process in machine.family():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if process.cmdline()[1:] == ["-m", "tests.trainer.workers.programs.tiny_worker"]:
                found[process.pid] = process.environ()
    return found


def test_as_many_workers_as_the_settings_say_each_in_its_place(machine: Machine) -> None:
    machine.start(workers=2)
    first = until(lambda: len(found := workers(machine)) == 2 and found, "both workers are there")
    for environment in first.values():
        assert (environment["CUDA_VISIBLE_DEVICES"], environment["OMP_NUM_THREADS"]) == ("", "1")
        assert int(environment["NETTAILOR_JOB_MEMORY_BYTES"]) == Settings().job_memory_limit_bytes // 2
    killed = min(first)
    psutil.Process(killed).kill()
    second = until(lambda: len(found := workers(machine)) == 2 and found != first and found, "another is started")
    assert set(second) & set(first) == set(first) - {killed}


@pytest.mark.nightly
def test_a_machine_that_slept_goes_on_with_its_job(machine: Machine, tmp_path: Path) -> None:
    """For longer than Redis remembers whose run it is without a heartbeat, and than workers elsewhere may be silent."""
    machine.start("teacher", TINY_RUN_KEPT_SECONDS="5", NETTAILOR_HEARTBEAT_PATIENCE_SECONDS="0.1")
    job = machine.http.post(f"/tasks/pets/dataset?preset=fast&seed={SEED}", content=UPLOAD).json()["id"]
    until(machine.stopped_job_process, "the job is under way")
    everybody, asleep_at = machine.everybody(), time.monotonic()
    for process in everybody:
        process.suspend()
    until(lambda: time.monotonic() - asleep_at > 6, "every lease is over")
    for process in everybody:
        process.resume()
    until(lambda: machine.job(job)["state"] in {"succeeded", "failed"}, "the job ends")
    ended = machine.job(job)
    assert ended["state"] == "succeeded", ended
    assert (ended["result"]["digest"], ended["attempt"]) == (tiny_digest(tmp_path), 1)


@pytest.mark.nightly
@pytest.mark.parametrize("stage", ["intake", "student", "publish"])
def test_a_job_goes_on_after_the_machine_was_started_again(machine: Machine, tmp_path: Path, stage: str) -> None:
    """And after the death of its worker alone, in whose place another is started."""
    machine.start(stage)
    job = machine.http.post(f"/tasks/pets/dataset?preset=fast&seed={SEED}", content=UPLOAD).json()["id"]
    process = until(machine.stopped_job_process, "the job process stops")
    psutil.Process(process.ppid()).kill()
    until(lambda: is_gone(process), "the job process dies with its worker")
    until(machine.stopped_job_process, "the next job process stops")
    assert (machine.job(job)["stage"], machine.job(job)["attempt"]) == (stage, 2)
    machine.lose_power()
    machine.start()
    until(lambda: machine.job(job)["state"] in {"succeeded", "failed"}, "the job ends")
    ended = machine.job(job)
    assert ended["state"] == "succeeded", ended
    assert (ended["result"]["digest"], ended["result"]["version"]) == (tiny_digest(tmp_path), 1)
    assert ended["attempt"] == 3
