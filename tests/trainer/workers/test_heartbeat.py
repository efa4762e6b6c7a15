"""The worker's health check, as a process, over a real worker's own registration."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from tests.documented import ROOT
from trainer.settings import Settings
from trainer.workers.heartbeat import PATIENCE_SECONDS, silence_seconds
from trainer.workers.worker import TrainerWorker


def _check(redis_url: str | None) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NETTAILOR_")}
    if redis_url is not None:
        environment["NETTAILOR_REDIS_URL"] = redis_url
    command = [sys.executable, "-m", "trainer.heartbeat"]
    return subprocess.run(command, check=False, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_a_worker_is_alive_from_its_birth_until_it_falls_silent(
    tmp_path: Path, redis_client: "redis.Redis", redis_url: str
) -> None:
    here = socket.gethostname()
    assert silence_seconds(redis_client, here) is None
    failed = _check(redis_url)
    assert (failed.returncode, failed.stderr) == (1, "no worker of this machine is registered\n")

    worker = TrainerWorker.of(Settings(data_dir=tmp_path, redis_url=redis_url), redis_client, name="one")
    worker.register_birth()  # type: ignore[no-untyped-call]  # RQ has not typed it
    assert silence_seconds(redis_client, here) == pytest.approx(0, abs=PATIENCE_SECONDS)
    assert silence_seconds(redis_client, "another") is None
    assert _check(redis_url).returncode == 0

    redis_client.hset(worker.key, "last_heartbeat", "2026-01-01T00:00:00.000000Z")
    failed = _check(redis_url)
    assert failed.returncode == 1
    assert "has been heard of for" in failed.stderr


def test_it_needs_a_redis_that_is_not_its_own() -> None:
    assert "NETTAILOR_REDIS_URL is not set" in _check(None).stderr
