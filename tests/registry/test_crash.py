"""kill -9 of the writer and of Redis: nothing acknowledged is lost, the index equals what a rebuild makes of it."""

import contextlib
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import redis

from registry.blobs import Blobs
from registry.embedded_redis import EmbeddedRedis
from registry.registry import Registry
from registry.wiring import connect
from tests.registry.contents import contents

KILLS = 4


def start_publisher(blobs: str, url: str, first_seed: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.registry.publisher", blobs, url, str(first_seed)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def acknowledged(process: "subprocess.Popen[str]", least: int) -> dict[int, str]:
    """Kill the publisher somewhere after it has acknowledged so many; version -> digest of all it did."""
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(least)]
    process.kill()
    lines += process.stdout.readlines()
    process.stdout.close()
    process.wait()
    return {int(version): digest for version, digest in (line.split() for line in lines if line.endswith("\n"))}


def check(registry: Registry, acks: dict[int, str]) -> None:
    versions = {record.version: record.digest for record in registry.versions("signs")}
    assert acks.items() <= versions.items()
    assert sorted(versions) == list(range(1, len(versions) + 1))
    for record in registry.versions("signs"):
        registry.read_bundle(record)
    assert registry.read_bundle(registry.resolve("signs"))
    before = contents(registry)
    registry.rebuild()
    assert contents(registry) == before


def test_killed_publishers_lose_nothing_acknowledged(tmp_path: Path, redis_url: str, redis_client: redis.Redis) -> None:
    registry = Registry(Blobs(str(tmp_path)), redis_client)
    chance = random.Random(0)
    acks: dict[int, str] = {}
    for kill in range(KILLS):
        process = start_publisher(str(tmp_path), redis_url, 1000 * kill)
        acks |= acknowledged(process, chance.randrange(2, 12))
        registry.reconcile()
        check(registry, acks)


def test_killed_redis_loses_nothing_acknowledged(tmp_path: Path) -> None:
    blobs = str(tmp_path / "blobs")
    acks: dict[int, str] = {}
    for kill in range(2):
        with EmbeddedRedis(tmp_path / "redis") as server, contextlib.closing(connect(server.url)) as client:
            process = start_publisher(blobs, server.url, 1000 * kill)
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(3)]
            os.kill(int(client.info("server")["process_id"]), signal.SIGKILL)
            acks |= {int(v): d for v, d in (line.split() for line in lines)} | acknowledged(process, 0)
        with EmbeddedRedis(tmp_path / "redis") as server, contextlib.closing(connect(server.url)) as client:
            registry = Registry(Blobs(blobs), client)
            registry.reconcile()
            check(registry, acks)
