"""The services as processes of their own: told to stop, they close what is open and end with 0."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from tests.documented import ROOT
from tests.processes.liveness import is_running
from tests.processes.ports import free_port
from tests.waiting import until

_PATIENCE_S = 60.0


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:  # it has ended meanwhile
        return []


# Both signals are handled by the same code, which all services share: one of each service by day.
@pytest.mark.parametrize(
    ("service", "number"),
    [
        ("registry", signal.SIGINT),
        ("trainer", signal.SIGTERM),
        pytest.param("registry", signal.SIGTERM, marks=pytest.mark.nightly),
        pytest.param("trainer", signal.SIGINT, marks=pytest.mark.nightly),
    ],
)
def test_told_to_stop_it_ends_with_0_and_takes_its_redis_along(
    tmp_path: Path, service: str, number: signal.Signals
) -> None:
    port = free_port()
    names = {"DATA_DIR": tmp_path, "PORT": port, "LOG_LEVEL": "warning"}
    environment = os.environ | {f"NETTAILOR_{name}": str(value) for name, value in names.items()}
    process = subprocess.Popen([sys.executable, "-m", service], env=environment, cwd=ROOT)
    try:
        until(lambda: _answers(f"http://127.0.0.1:{port}"), process=process)
        redis = [p.pid for p in psutil.process_iter() if str(tmp_path) in " ".join(_command(p))]
        assert redis
        process.send_signal(number)
        assert process.wait(_PATIENCE_S) == 0
        until(lambda: not any(map(is_running, redis)))
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("service", ["registry", pytest.param("trainer", marks=pytest.mark.nightly)])
def test_a_taken_port_is_a_failure(tmp_path: Path, service: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        names = {"DATA_DIR": tmp_path, "PORT": taken.getsockname()[1], "LOG_LEVEL": "error"}
        environment = os.environ | {f"NETTAILOR_{name}": str(value) for name, value in names.items()}
        ended = subprocess.run(
            [sys.executable, "-m", service], check=False, env=environment, cwd=ROOT, timeout=_PATIENCE_S
        )
    assert ended.returncode in (1, 3)  # uvicorn's, or that of a start-up that failed
