"""A real server (uvicorn in a thread) over a real registry (embedded Redis, a folder of blobs).

`server` is a test's own and empty; `stocked_server` is one for a module of tests, over `stocked`.
"""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis

from hosting.redis_server.embedded import EmbeddedRedis
from registry.registry import Registry
from registry.storage.blobs import Blobs
from registry.wiring import connect
from server.export import worker as export_worker
from server.service import Service
from server.settings import ServerSettings
from tests.server.asking import publish
from tests.server.running import Running, running


@pytest.fixture(scope="session", autouse=True)
def _exports_are_as_important_as_tests() -> Iterator[None]:
    """A yielding process waits for all other tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export_worker, "NICENESS", 0)
        yield


@pytest.fixture
def registry(tmp_path: Path, redis_client: "redis.Redis") -> Registry:
    return Registry(Blobs(str(tmp_path / "blobs")), redis_client)


@pytest.fixture
def server_settings(tmp_path: Path) -> ServerSettings:
    """A test that needs others overrides this fixture or copies it with `model_copy`."""
    return ServerSettings(data_dir=tmp_path, device="cpu", max_wait_ms=1, max_body_bytes=2**20, max_images=8)


@pytest.fixture
def server(server_settings: ServerSettings, registry: Registry) -> Iterator[Running]:
    with running(server_settings, registry) as server:
        yield server


@pytest.fixture
def client(server: Running) -> httpx.Client:
    return server.client


@pytest.fixture
def service(server: Running) -> Service:
    return server.service


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """One registry for a module of tests, with two tasks: `signs`, whose candidate is version 2, and `flowers`."""
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
    """Of one server for a module of tests."""
    folder: Path = tmp_path_factory.mktemp("data")
    return ServerSettings(data_dir=folder, device="cpu", max_wait_ms=1, max_body_bytes=2**20, max_images=8)


@pytest.fixture(scope="module")
def stocked_server(settings: ServerSettings, stocked: Registry) -> Iterator[Running]:
    with running(settings, stocked) as server:
        yield server
