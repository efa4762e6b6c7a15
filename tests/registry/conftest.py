"""A registry on a real Redis, over both kinds of blob store: a folder, and S3 as moto's server speaks it over HTTP."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import fsspec
import httpx
import pytest
import redis

from nettailor_client import IMPATIENT, Client
from registry.http.app import create_app
from registry.registry import Registry
from registry.storage.blobs import Blobs
from tests.registry.s3 import s3_endpoint, s3_settings
from tests.serving import served

_BUCKET = "nettailor"
_BLIND = ("http", "policy", "versions")  # folders of tests of what knows of no store: over S3 at night


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What reads and writes blobs and records itself is tried over both stores every day: the registry, its storage,
    its journal and their maintenance. What stands above these, over a folder, in a third of the time."""
    blind = [Path(__file__).parent / name for name in _BLIND]
    for item in items:
        if isinstance(item, pytest.Function) and any(map(item.path.is_relative_to, blind)):
            callspec = getattr(item, "callspec", None)
            if callspec is not None and callspec.params.get("store_url") == "s3":
                item.add_marker(pytest.mark.nightly)


@pytest.fixture(scope="session")
def s3_bucket() -> Iterator[str]:
    """The URL of a bucket."""
    with s3_endpoint() as endpoint, s3_settings(endpoint):
        fsspec.filesystem("s3").mkdir(_BUCKET)
        yield f"s3://{_BUCKET}"


@pytest.fixture(params=["folder", "s3"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a test's blobs and records live."""
    if request.param == "folder":
        return str(tmp_path / "blobs")
    return f"{request.getfixturevalue('s3_bucket')}/{uuid.uuid4().hex}"


@pytest.fixture
def blobs(store_url: str) -> Blobs:
    return Blobs(store_url)


@pytest.fixture
def registry(blobs: Blobs, redis_client: "redis.Redis") -> Registry:
    return Registry(blobs, redis_client)


@pytest.fixture
def url(registry: Registry) -> Iterator[str]:
    """The registry over HTTP; files that want it otherwise have a fixture of their own by this name."""
    with served(create_app(registry)) as url:
        yield url


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with Client(url, actor="ann", patience=IMPATIENT) as client:
        yield client


@pytest.fixture
def http(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url) as http:
        yield http
