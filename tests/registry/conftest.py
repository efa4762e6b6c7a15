"""A registry on a real Redis, over both kinds of blob store: a folder, and S3 as moto's server speaks it over HTTP."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
import redis

from registry.blobs import Blobs
from registry.registry import Registry

_BUCKET = "nettailor"


@pytest.fixture(scope="session")
def s3_bucket() -> Iterator[str]:
    """The URL of a bucket. Endpoint and credentials are fsspec's settings, as an operator would give them."""
    pytest.importorskip("s3fs", reason="no s3fs: install the extra s3")
    moto = pytest.importorskip("moto.server", reason="no moto[server]: install the extra dev")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = {"endpoint_url": f"http://{host}:{port}", "key": "testing", "secret": "testing"}
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
            patch.setitem(fsspec.config.conf, "s3", endpoint)
            fsspec.filesystem("s3").mkdir(_BUCKET)
            yield f"s3://{_BUCKET}"
    finally:
        server.stop()


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
