"""Sixteen tasks of all methods asked at once over HTTP, while versions are promoted and there is no room for all."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path
from typing import Any, get_args

import pytest
import redis

from hosting.redis_server.embedded import EmbeddedRedis
from nettailor.bundle.bundle import digest_of
from nettailor.bundle.manifest import Method
from registry.registry import Registry
from registry.storage.blobs import Blobs
from registry.wiring import connect
from server.residency.tiers import Tier
from server.settings import ServerSettings
from tests.server.asking import FILES, assert_answers
from tests.server.oracle import make_bytes
from tests.server.running import Running, running

METHODS: tuple[Method, ...] = ("packnet", *get_args(Method))
TASKS = {f"task-{number}": method for number, method in zip(range(16), cycle(METHODS), strict=False)}
ROOM = 13_000_000  # bytes: of two whole networks and a little
ROUNDS = 4


class Versions:
    """The versions of all tasks, by digest; `publish` makes the next one live."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.known: dict[str, bytes] = {}
        self.newest: str | None = None  # of method packnet

    def publish(self, task: str, seed: int) -> None:
        method = TASKS[task]
        data = make_bytes(task, seed=seed, classes=6, method=method, after=self.newest if method == "packnet" else None)
        if method == "packnet":
            self.newest = digest_of(data)  # that the next one stands on
        self.known[digest_of(data)] = data  # before anybody can be answered by it
        version = self.registry.publish(task, data, actor="test").version
        self.registry.promote(task, "live", version, actor="test", reason="test")


@pytest.fixture
def versions(tmp_path: Path) -> Iterator[Versions]:
    with EmbeddedRedis(tmp_path / "redis") as private:
        client: redis.Redis = connect(private.url)
        registry = Registry(Blobs(str(tmp_path / "blobs")), client)
        found = Versions(registry)
        for seed, task in enumerate(TASKS):
            found.publish(task, seed)
        yield found
        client.close()


def test_each_is_answered_as_alone_while_versions_are_promoted_and_evicted(versions: Versions, tmp_path: Path) -> None:
    assert len(set(TASKS.values())) >= 8
    settings = ServerSettings(data_dir=tmp_path / "data", device="cpu", max_wait_ms=5, device_budget_bytes=ROOM)
    with running(settings, versions.registry) as server, ThreadPoolExecutor(len(TASKS)) as callers:
        asked = [callers.submit(asked_often, server, task) for task in TASKS]
        for seed, task in enumerate(TASKS, start=100):
            versions.publish(task, seed)
        answers = [answer for one in asked for answer in one.result()]
        assert len(answers) == ROUNDS * len(TASKS)
        for answer in answers:
            assert_answers(answer, versions.known[answer["digest"]], [0], chain=versions.known)
        assert server.service.metrics.evictions.labels(Tier.DEVICE)._value.get() > 0


def asked_often(server: Running, task: str) -> list[dict[str, Any]]:
    answers = []
    for _ in range(ROUNDS):
        response = server.client.post(f"/tasks/{task}/predict", content=FILES[0])
        assert response.status_code == 200, response.text
        answers.append(response.json())
    return answers
