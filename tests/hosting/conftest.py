"""The registry's own app, over a folder, stands for any: what is tested here is the same around all of them."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis

from registry.http.app import create_app
from registry.registry import Registry
from registry.storage.blobs import Blobs
from tests.serving import served


@pytest.fixture
def registry(tmp_path: Path, redis_client: "redis.Redis") -> Registry:
    return Registry(Blobs(str(tmp_path / "blobs")), redis_client)


@pytest.fixture
def url(registry: Registry) -> Iterator[str]:
    """Files that want it otherwise have a fixture of their own by this name."""
    with served(create_app(registry)) as url:
        yield url


@pytest.fixture
def http(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url) as http:
        yield http
