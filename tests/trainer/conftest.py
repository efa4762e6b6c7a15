"""The trainer as users meet it: a real Redis, a real HTTP server."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis

from nettailor.network.backbones import Backbone, build_backbone
from registry.registry import Registry
from tests.serving import served
from trainer.http.app import create_app
from trainer.service import Service
from trainer.settings import Settings
from trainer.wiring import open_registry


@pytest.fixture
def settings(tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    # A service that tests of commands share may have been started with other weights, for as long as there are such.
    monkeypatch.delenv("NETTAILOR_BACKBONE_WEIGHTS", raising=False)
    return Settings(
        data_dir=tmp_path / "data",
        redis_url=redis_url,
        job_attempts=2,
        job_niceness=0,  # a yielding process waits for all other tests
    )


@pytest.fixture
def service(settings: Settings) -> Iterator[Service]:
    assert settings.redis_url is not None
    with Service(settings, settings.redis_url) as service:
        yield service


@pytest.fixture
def http(service: Service) -> Iterator[httpx.Client]:
    with served(create_app(service)) as url, httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return build_backbone("mini26").eval()


@pytest.fixture
def registry(settings: Settings, redis_client: "redis.Redis") -> Registry:
    return open_registry(settings, redis_client)
