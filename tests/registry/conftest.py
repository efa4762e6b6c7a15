from pathlib import Path

import pytest
import redis

from registry.blobs import Blobs
from registry.registry import Registry


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(str(tmp_path / "blobs"))


@pytest.fixture
def registry(blobs: Blobs, redis_client: "redis.Redis") -> Registry:
    return Registry(blobs, redis_client)
