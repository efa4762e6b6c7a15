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
from trainer.workers.heartbeat import why_dead
from trainer.workers.worker import TrainerWorker

LONG_AGO = "2026-01-01T00:00:00.000000Z"


def _check(redis_url: str | None) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NETTAILOR_")}
    if redis_url is not None:
        environment["NETTAILOR_REDIS_URL"] = redis_url
    command = [sys.executable, "-m", "trainer.heartbeat"]
    return subprocess.run(command, check=False, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120)


def born(folder: Path, client: "redis.Redis", url: str) -> TrainerWorker:
    worker = TrainerWorker.of(Settings(data_dir=folder, redis_url=url), client, name="one")
    worker.register_birth()  # type: ignore[no-untyped-call]  # RQ has not typed it
    return worker


def test_a_worker_is_alive_from_its_birth_until_it_falls_silent(
    tmp_path: Path, redis_client: "redis.Redis", redis_url: str
) -> None:
    here, none = socket.gethostname(), "no worker of this machine is registered"
    assert why_dead(redis_client, here) == none
    failed = _check(redis_url)
    assert (failed.returncode, failed.stderr) == (1, f"{none}\n")

    worker = born(tmp_path, redis_client, redis_url)
    assert why_dead(redis_client, here) is None
    assert why_dead(redis_client, "another") == none
    assert _check(redis_url).returncode == 0

    redis_client.hset(worker.key, "last_heartbeat", LONG_AGO)
    why = why_dead(redis_client, here, watch_s=0.0)
    assert why is not None
    assert "has sent a heartbeat" in why


@pytest.mark.parametrize("by_the_clock", [LONG_AGO, "2036-01-01T00:00:00.000000Z"])
def test_the_next_heartbeat_counts_for_more_than_the_clock(
    tmp_path: Path, redis_client: "redis.Redis", redis_url: str, by_the_clock: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock was set back or forth, or the machine slept."""
    worker = born(tmp_path, redis_client, redis_url)
    redis_client.hset(worker.key, "last_heartbeat", by_the_clock)
    assert why_dead(redis_client, socket.gethostname(), watch_s=0.0) is not None
    monkeypatch.setattr("trainer.workers.heartbeat.time.sleep", lambda seconds: worker.heartbeat())
    assert why_dead(redis_client, socket.gethostname(), watch_s=60.0) is None


def test_a_worker_that_redis_forgot_is_registered_again_by_its_next_heartbeat(
    tmp_path: Path, redis_client: "redis.Redis", redis_url: str
) -> None:
    worker = born(tmp_path, redis_client, redis_url)
    redis_client.delete(worker.key)
    assert why_dead(redis_client, socket.gethostname()) is not None
    worker.heartbeat()
    assert why_dead(redis_client, socket.gethostname()) is None
    assert redis_client.ttl(worker.key) > 0


def test_it_needs_a_redis_that_is_not_its_own() -> None:
    assert "NETTAILOR_REDIS_URL is not set" in _check(None).stderr
