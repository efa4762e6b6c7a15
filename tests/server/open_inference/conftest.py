"""One server for each module of tests, with two tasks: `signs`, whose candidate is version 2, and `flowers`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hosting.redis_server.embedded import EmbeddedRedis
from registry.registry import Registry
from registry.storage.blobs import Blobs
from registry.wiring import connect
from server.settings import ServerSettings
from tests.server.asking import publish
from tests.server.running import Running, running


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as redis:
        client = connect(redis.url)
        registry = Registry(Blobs(str(tmp_path_factory.mktemp("blobs"))), client)
        publish(registry)
        publish(registry, alias="candidate", seed=3)
        publish(registry, "flowers", seed=2, classes=3)
        yield registry
        client.close()


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> ServerSettings:
    folder: Path = tmp_path_factory.mktemp("data")
    return ServerSettings(data_dir=folder, device="cpu", max_wait_ms=1, max_body_bytes=2**20, max_images=8)


@pytest.fixture(scope="module")
def open_server(settings: ServerSettings, stocked: Registry) -> Iterator[Running]:
    with running(settings, stocked) as server:
        yield server
