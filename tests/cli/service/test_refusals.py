"""Each kind of refusal, caused for real, is what the OpenAPI document says of the route that refuses."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from cli.service.app import serving
from hosting.access.key_file import add_key
from hosting.access.keys import Scope, new_key
from hosting.redis_server.embedded import EmbeddedRedis
from nettailor.bundle.bundle import encode
from registry.registry import LIVE
from registry.wiring import open_registry
from server.settings import ServerSettings
from tests.bundles import random_bundle
from tests.cli.service.contract import Contract
from tests.server.measured_once import measured_once
from tests.serving import served
from trainer.settings import Settings as TrainerSettings

_BURST = 40  # more than the tests ask with one key


@dataclass(frozen=True, kw_only=True)
class Ask:
    """A request for an operation, by its path in the document."""

    method: str
    path: str
    version: int = 9  # which there is not
    query: str = ""
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    key: str | None = "all"

    @property
    def url(self) -> str:
        named = {"task": "signs", "version": self.version, "job": "none", "backbone": "none"}
        return self.path.format(**named) + self.query


class Service:
    """One with keys and a rate limit, and its document. The key `all` may everything, `little` only predict."""

    def __init__(self, app: FastAPI, http: httpx.Client, secrets: Mapping[str, str], redis: EmbeddedRedis) -> None:
        self.redis = redis
        self._contract = Contract(app.openapi())
        self._http = http
        self._secrets = secrets

    def refuses(self, ask: Ask, status: int) -> None:
        headers = {} if ask.key is None else {"Authorization": f"Bearer {self._secrets[ask.key]}"}
        answer = self._http.request(ask.method, ask.url, headers=headers | dict(ask.headers), content=ask.content)
        assert answer.status_code == status, answer.text
        assert self._contract.breach(ask.method, ask.path, answer) is None


_KEYS: dict[str, list[Scope]] = {
    "all": ["read", "publish", "promote", "admin"],
    "little": ["predict"],
    "hasty": ["read"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("refusals")


@pytest.fixture(scope="module")
def service(folder: Path, tmp_path_factory: pytest.TempPathFactory, backbone: str) -> Iterator[Service]:
    secrets = {}
    for name, scopes in _KEYS.items():
        key, secrets[name] = new_key(name, scopes)
        add_key(folder / "keys.json", key)
    with EmbeddedRedis(tmp_path_factory.mktemp("own-redis")) as redis:
        settings = ServerSettings(
            data_dir=folder,
            device="cpu",
            winograd=False,
            keys_file=folder / "keys.json",
            rate_limit_per_second=0.001,
            rate_burst=_BURST,
            max_body_bytes=1000,
        )
        with open_registry(settings, redis.url) as registry:
            bundle = encode(*random_bundle(task="signs", fingerprint=backbone, seed=0))
            record = registry.publish("signs", bundle, actor="test")
            registry.promote("signs", LIVE, record.version, actor="test", reason="test")
        trainer = TrainerSettings(data_dir=folder, redis_url=redis.url, upload_mib=1)
        with (
            measured_once(),
            serving(settings, trainer, redis.url) as (app, _),
            served(app) as url,
            httpx.Client(base_url=url, trust_env=False, timeout=30) as http,
        ):
            yield Service(app, http, secrets, redis)


_POLICY = "/tasks/{task}/policy"
_PREDICT = "/tasks/{task}/predict"
_UPLOAD = "/tasks/{task}/dataset"
_INFER = "/v2/models/{task}/infer"
_JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("status", "ask"),
    [
        (404, Ask(method="GET", path="/tasks/{task}/versions/{version}")),
        (404, Ask(method="GET", path="/jobs/{job}")),
        (404, Ask(method="GET", path="/jobs", query="?before=none")),
        (404, Ask(method="DELETE", path="/backbones/{backbone}")),
        (404, Ask(method="GET", path="/v2/models/{task}/versions/{version}")),
        (409, Ask(method="POST", path="/tasks/{task}/rollback")),
        (413, Ask(method="POST", path=_PREDICT, content=bytes(1001))),
        (413, Ask(method="POST", path=_INFER, content=bytes(1001))),
        (413, Ask(method="POST", path=_UPLOAD, content=bytes((1 << 20) + 1))),
        (415, Ask(method="POST", path=_PREDICT, content=b"no image", headers={"Content-Type": "image/png"})),
        (415, Ask(method="POST", path=_UPLOAD, content=b"no archive")),
        (415, Ask(method="PUT", path=_POLICY, content=b"{}", headers={"Content-Encoding": "br"})),
        (422, Ask(method="POST", path="/predict", content=b"image")),
        (422, Ask(method="GET", path="/jobs", query="?limit=many")),
        (422, Ask(method="PUT", path=_POLICY, content=b'{"min_accuracy": 2}', headers=_JSON)),
        (422, Ask(method="PUT", path=_POLICY, content=b'{"max_macs": ' + b"9" * 5000 + b"}", headers=_JSON)),
        (422, Ask(method="POST", path="/tasks/{task}/versions", content=bytes(64))),
        (400, Ask(method="POST", path=_INFER, content=b"no JSON")),
        (401, Ask(method="GET", path="/tasks", key=None)),
        (401, Ask(method="GET", path="/v2/models", key=None)),
        (403, Ask(method="GET", path="/jobs/{job}", key="little")),
    ],
    ids=lambda part: f"{part.method} {part.path}" if isinstance(part, Ask) else str(part),
)
def test_a_refusal_is_as_the_document_says(service: Service, status: int, ask: Ask) -> None:
    service.refuses(ask, status)


def test_a_bundle_that_is_gone_is_424(service: Service, folder: Path) -> None:
    for bundle in [path for path in (folder / "blobs").rglob("*") if path.is_file() and path.stat().st_size > 10_000]:
        bundle.unlink()
    service.refuses(Ask(method="GET", path="/tasks/{task}/versions/{version}/bundle", version=1), 424)


def test_too_many_requests_are_429(service: Service) -> None:
    ask = Ask(method="GET", path="/jobs/{job}", key="hasty")
    for _ in range(_BURST):
        service.refuses(ask, 404)
    service.refuses(ask, 429)


def test_without_redis_it_is_503(service: Service) -> None:
    service.redis.stop()
    service.refuses(Ask(method="GET", path="/tasks"), 503)
    service.refuses(Ask(method="GET", path="/jobs/{job}"), 503)
