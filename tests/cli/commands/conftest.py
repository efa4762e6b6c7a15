"""A real registry, and the address of one with versions."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from registry.http.app import create_app
from registry.registry import Registry
from registry.storage.blobs import Blobs
from tests.registry.published import publish
from tests.serving import served


@pytest.fixture
def registry(tmp_path: Path, redis_client: "redis.Redis") -> Registry:
    return Registry(Blobs(str(tmp_path / "blobs")), redis_client)


@pytest.fixture
def url(registry: Registry) -> Iterator[str]:
    """Of a registry with two versions, 90% and 70%, of which the first is live."""
    publish(registry, 0.9, 0.7)
    registry.promote("signs", "live", 1, actor="ann", reason="start")
    with served(create_app(registry)) as url:
        yield url
