"""A trainer that is told to stop ends the streams that follow a job at once, and has nothing to complain of."""

import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.documented import ROOT
from tests.processes.environment import without_settings
from tests.processes.ports import free_port
from tests.trainer import archives
from tests.waiting import until


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def test_streams_of_events_and_logs_end_and_nothing_is_logged_of_it(tmp_path: Path, redis_url: str) -> None:
    port = free_port()
    names = {"DATA_DIR": tmp_path, "PORT": port, "REDIS_URL": redis_url, "WORKER_JOBS_PER_DEVICE": 0}
    environment = without_settings() | {f"NETTAILOR_{name}": str(value) for name, value in names.items()}
    command = [sys.executable, "-m", "trainer"]
    process = subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: _is_ready(url), process=process)
        with httpx.Client(base_url=url, trust_env=False, timeout=60) as http:
            job = http.post("/tasks/pets/dataset", content=archives.zip_of(archives.class_folders())).json()["id"]
            with (
                http.stream("GET", f"/jobs/{job}/events") as events,
                http.stream("GET", f"/jobs/{job}/logs?follow=true") as log,
            ):
                streams = events.iter_text(), log.iter_text()
                assert all(map(next, streams))  # they wait for more now: the job has no worker
                process.send_signal(signal.SIGTERM)
                for stream in streams:
                    with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):  # so a client asks again
                        next(stream)
                _, told = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert "Traceback" not in told
    assert "ERROR" not in told  # uvicorn's, that it had to cancel what would not end
