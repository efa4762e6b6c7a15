"""Every way to ask wrongly is answered with its own problem document."""

import base64
import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from hosting.redis_server.embedded import EmbeddedRedis
from nettailor.bundle import bundle as bundles
from registry.registry import Registry
from registry.storage.blobs import Blobs
from registry.wiring import connect
from server.settings import ServerSettings
from tests.bundles import random_bundle
from tests.pictures import huge_png
from tests.server.asking import FILES, publish
from tests.server.running import Running, running


@pytest.fixture(scope="module", params=[0, 2], ids=["one process", "two fronts"])
def asked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, redis_server: EmbeddedRedis
) -> Iterator[Running]:
    """`signs` is sound, `foreign` made for another backbone, the blob of `broken` is gone."""
    folder, fronts = tmp_path_factory.mktemp("asked"), request.param
    settings = ServerSettings(
        data_dir=folder, device="cpu", max_body_bytes=2**20, max_images=8, max_request_pixels=30_000_000, fronts=fronts
    )
    with contextlib.closing(connect(redis_server.url)) as redis:
        redis.flushall()
        registry = Registry(Blobs(str(folder / "blobs")), redis)
        publish(registry)
        foreign = registry.publish("foreign", bundles.encode(*random_bundle(task="foreign")), actor="test")
        registry.promote("foreign", "live", foreign.version, actor="test", reason="test")
        digest = bundles.digest_of(publish(registry, "broken", seed=1))
        [blob] = (folder / "blobs").rglob(f"*{digest.removeprefix('sha256:')}*")
        blob.unlink()
        with running(settings, registry) as server:
            yield server


def _too_many() -> dict[str, list[str]]:
    return {"images": [base64.b64encode(FILES[0]).decode()] * 9}


@pytest.mark.parametrize(
    ("path", "body", "status", "kind"),
    [
        ("/tasks/nothing/predict", {"content": FILES[0]}, 404, "task-unknown"),
        ("/tasks/signs@nobody/predict", {"content": FILES[0]}, 404, "alias-unknown"),
        ("/tasks/signs/versions/9/predict", {"content": FILES[0]}, 404, "version-unknown"),
        ("/predict?tasks=signs,nothing", {"content": FILES[0]}, 404, "task-unknown"),
        ("/predict?tasks=signs,signs", {"content": FILES[0]}, 422, "request-malformed"),
        ("/tasks/signs/predict", {"content": b"GIF89a no"}, 415, "image-rejected"),
        ("/tasks/signs/predict", {"content": FILES[0][:60]}, 415, "image-rejected"),
        ("/tasks/signs/predict", {"content": huge_png(10_000, 10_000)}, 413, "image-oversized"),
        ("/tasks/signs/predict", {"files": [("image", huge_png(4000, 4000))] * 2}, 413, "images-oversized"),
        ("/tasks/signs/predict", {"content": "x", "headers": {"content-type": "text/plain"}}, 415, "body-unsupported"),
        ("/tasks/signs/predict", {"content": bytes(2**20 + 1)}, 413, "body-too-large"),
        ("/tasks/signs/predict", {"content": lambda: iter([bytes(2**19)] * 3)}, 413, "body-too-large"),
        ("/tasks/signs/predict", {"content": b""}, 422, "request-malformed"),
        ("/tasks/signs/predict", {"json": {"image": "x"}}, 422, "request-malformed"),
        ("/tasks/signs/predict", {"json": {"images": ["%%%"]}}, 422, "request-malformed"),
        ("/tasks/signs/predict", {"json": _too_many()}, 422, "request-malformed"),
        ("/tasks/signs/predict", {"files": {"picture": FILES[0]}}, 422, "request-malformed"),
        ("/tasks/signs/predict?top_k=1&top_k=2", {"content": FILES[0]}, 422, None),
        ("/tasks/signs/predict?top_k=0", {"content": FILES[0]}, 422, None),
        ("/tasks/foreign/predict", {"content": FILES[0]}, 424, "bundle-without-backbone"),
        ("/tasks/broken/predict", {"content": FILES[0]}, 424, "bundle-unusable"),
        ("/predict", {"content": FILES[0]}, 422, None),
    ],
)
def test_problems(asked: Running, path: str, body: dict[str, Any], status: int, kind: str | None) -> None:
    answer = asked.client.post(path, **{name: part() if callable(part) else part for name, part in body.items()})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    problem = answer.json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"] == problem["error"]
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert problem["type"] == (f"urn:nettailor:problem:{kind}" if kind else "about:blank")
    if "signs" not in path and kind == "task-unknown":
        assert problem["task"] == "nothing"
    if kind == "images-oversized":
        named = {name: problem[name] for name in ("where", "pixels", "limit_pixels")}
        assert named == {"where": "images[1]", "pixels": 32_000_000, "limit_pixels": 30_000_000}
