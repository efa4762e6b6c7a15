"""What an ingress answers: as a server by itself would, and after a replica went away as if it had not."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from prometheus_client import CONTENT_TYPE_LATEST

from deploy.ray.errors import ReplicaGone, ReplicasFull
from deploy.ray.forward import create_app
from deploy.ray.messages import Answer, Call, ask
from registry.registry import Registry
from registry.storage.blobs import Blobs
from server.app import create_app as create_server_app
from server.errors import NotReady
from server.http.open_inference.requests import HEADER_LENGTH
from server.settings import ServerSettings
from tests.hosting.access.tables import declared, offered
from tests.server.asking import FILES, publish
from tests.server.running import Running, running

PNG = {"content-type": "image/png"}


_CASES: list[tuple[str, dict[str, Any]]] = [
    ("/tasks/signs/predict", {"content": FILES[0], "headers": PNG}),
    ("/tasks/signs@live/predict?top_k=2", {"content": FILES[1], "headers": PNG}),
    ("/tasks/signs/versions/1/predict", {"content": FILES[0], "headers": PNG}),
    ("/predict?tasks=signs,birds", {"content": FILES[2], "headers": PNG}),
    ("/tasks/signs/predict", {"files": [("image", ("a.png", file)) for file in FILES]}),
    ("/tasks/nowhere/predict", {"content": FILES[0], "headers": PNG}),
    ("/tasks/signs@beta/predict", {"content": FILES[0], "headers": PNG}),
    ("/tasks/signs/versions/9/predict", {"content": FILES[0], "headers": PNG}),
    ("/tasks/signs/versions/one/predict", {"content": FILES[0], "headers": PNG}),
    ("/tasks/signs/predict?top_k=0", {"content": FILES[0], "headers": PNG}),
    ("/tasks/signs/predict?timeout_ms=never", {"content": FILES[0], "headers": PNG}),
    ("/predict", {"content": FILES[0], "headers": PNG}),
    ("/predict?tasks=signs,", {"content": FILES[0], "headers": PNG}),
    ("/tasks/signs/predict", {"content": b"no image", "headers": PNG}),
    ("/tasks/signs/predict", {"content": b"text", "headers": {"content-type": "text/plain"}}),
    ("/tasks/signs/predict", {"content": b"", "headers": PNG}),
    ("/tasks/signs/predict", {"content": bytes(2**16 + 1), "headers": PNG}),
]


class OneServer:
    """`forward.Replicas` over a server of this process, which goes away with the first requests it is given."""

    def __init__(self, app: Any, *, goes: int = 0) -> None:
        self.calls: list[Call] = []
        self._app = app
        self._goes = goes

    async def ask(self, call: Call) -> Answer:
        self.calls.append(call)
        if len(self.calls) <= self._goes:
            raise ReplicaGone("test")
        return await ask(self._app, call)

    async def metrics(self) -> dict[str, str]:
        page = await ask(self._app, Call(tasks=(), method="GET", path="/metrics", query=b"", headers=(), body=b""))
        return {"one": page.body.decode()}


class FullHouse:
    async def ask(self, call: Call) -> Answer:
        raise ReplicasFull(waiting=7, bound=7)

    async def metrics(self) -> dict[str, str]:
        raise NotReady("without replicas")


class Silence:
    async def ask(self, call: Call) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError


@pytest.fixture
def settings(tmp_path: Path) -> ServerSettings:
    return ServerSettings(data_dir=tmp_path, device="cpu", max_wait_ms=1, max_body_bytes=2**16, winograd=False)


@pytest.fixture
def server(settings: ServerSettings, tmp_path: Path, redis_client: "redis.Redis") -> Iterator[Running]:
    registry = Registry(Blobs(str(tmp_path / "blobs")), redis_client)
    for task in ("signs", "birds"):
        publish(registry, task)
    with running(settings, registry) as server:
        yield server


@pytest.fixture
def replicas(settings: ServerSettings, server: Running) -> OneServer:
    return OneServer(create_server_app(settings, server.registry, service=server.service))


def _ask(settings: ServerSettings, replicas: Any, path: str, *, method: str = "POST", **options: Any) -> httpx.Response:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(settings, replicas, attempts=3))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, **options)

    return asyncio.run(asked())


def _lasting(response: httpx.Response) -> Any:
    """Without what differs from one asking to the next."""
    body = json.loads(re.sub(r" at 0x[0-9a-f]+", "", response.text))  # Pillow's complaint names an object
    for part in (body, *body.get("results", ())):
        for name in ("request_id", "switch_ms", "queue_ms", "inference_ms", "tier"):
            part.pop(name, None)
    return body


def test_answers_are_those_of_a_server_by_itself(
    settings: ServerSettings, server: Running, replicas: OneServer
) -> None:
    for path, options in _CASES:
        own, forwarded = server.client.post(path, **options), _ask(settings, replicas, path, **options)
        assert forwarded.status_code == own.status_code, path
        assert forwarded.headers["content-type"] == own.headers["content-type"]
        assert forwarded.headers.get("x-task-version") == own.headers.get("x-task-version")
        assert _lasting(forwarded) == _lasting(own)
        assert len(forwarded.headers.get_list("x-request-id")) == 1
        assert "x-attempts" not in forwarded.headers


def test_the_open_inference_protocol_is_answered_as_by_a_server_by_itself(
    settings: ServerSettings, server: Running, replicas: OneServer
) -> None:
    path, raw = "/v2/models/signs/infer", {HEADER_LENGTH: "0"}
    answers = (
        server.client.post(path, content=FILES[0], headers=raw),
        _ask(settings, replicas, path, content=FILES[0], headers=raw),
    )
    own, forwarded = (each.content[int(each.headers[HEADER_LENGTH]) :] for each in answers)
    assert forwarded == own
    for asked in ("/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/signs", "/v2/models/signs/config"):
        assert _ask(settings, replicas, asked, method="GET").json() == server.client.get(asked).json()
    refused = _ask(settings, replicas, "/v2/repository/models/signs/load")
    assert (refused.status_code, refused.headers["content-type"]) == (404, "application/json")


def test_readiness_is_that_of_a_replica(settings: ServerSettings, server: Running, replicas: OneServer) -> None:
    assert _ask(settings, replicas, "/readyz", method="GET").json() == server.client.get("/readyz").json()


def test_metrics_are_those_of_the_replicas(settings: ServerSettings, replicas: OneServer) -> None:
    _ask(settings, replicas, "/tasks/signs/predict", content=FILES[0], headers=PNG)
    page = _ask(settings, replicas, "/metrics", method="GET")
    assert page.headers["content-type"] == CONTENT_TYPE_LATEST
    assert 'nettailor_requests_total{code="200",instance="one",task="signs"} 1.0' in page.text.splitlines()


def test_without_replicas_there_are_no_metrics(settings: ServerSettings) -> None:
    assert _ask(settings, FullHouse(), "/metrics", method="GET").status_code == 503


def test_its_own_health_asks_no_replica(settings: ServerSettings) -> None:
    assert _ask(settings, FullHouse(), "/healthz", method="GET").json() == {"status": "ok"}


def test_what_it_answers_itself_is_declared(settings: ServerSettings) -> None:
    app = create_app(settings, FullHouse(), attempts=1)
    assert offered(app) == [("GET", "/"), ("GET", "/healthz"), ("GET", "/metrics")]
    assert set(offered(app)) < set(declared(app))


def test_its_front_page_says_what_is_not_here(settings: ServerSettings) -> None:
    page = _ask(settings, FullHouse(), "/", method="GET")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "no lists of tasks and jobs" in page.text


@pytest.mark.parametrize("path", ["/tasks", "/openapi.json", "/tasks/signs"])
def test_other_routes_are_not_here(settings: ServerSettings, path: str) -> None:
    problem = _ask(settings, FullHouse(), path, method="GET")
    assert problem.status_code == 404
    assert problem.headers["content-type"] == "application/problem+json"


def test_a_request_is_tried_again_where_a_replica_goes_away(settings: ServerSettings, replicas: OneServer) -> None:
    leaving = OneServer(replicas._app, goes=2)
    response = _ask(settings, leaving, "/tasks/signs/predict", content=FILES[0], headers=PNG)
    assert response.status_code == 200
    assert response.headers["x-attempts"] == "3"
    assert leaving.calls[0] == leaving.calls[2]


def test_what_no_attempt_saved_is_a_problem_that_says_when_to_ask_again(
    settings: ServerSettings, replicas: OneServer
) -> None:
    leaving = OneServer(replicas._app, goes=3)
    response = _ask(settings, leaving, "/tasks/signs/predict", content=FILES[0], headers=PNG)
    assert response.status_code == 503
    assert response.headers["retry-after"]
    assert response.json()["type"] == "urn:nettailor:problem:replicas-lost"


def test_a_full_house_is_429(settings: ServerSettings) -> None:
    response = _ask(settings, FullHouse(), "/tasks/signs/predict", content=FILES[0], headers=PNG)
    assert response.status_code == 429
    assert response.headers["retry-after"]


def test_without_any_answer_a_request_ends_at_its_timeout(settings: ServerSettings) -> None:
    response = _ask(settings, Silence(), "/tasks/signs/predict?timeout_ms=1", content=FILES[0], headers=PNG)
    assert response.status_code == 504
    assert response.json()["type"] == "urn:nettailor:problem:deadline-exceeded"


def test_a_replica_learns_the_request_id_and_no_secret(settings: ServerSettings, replicas: OneServer) -> None:
    headers = PNG | {"x-request-id": "abc", "authorization": "Bearer secret", "cookie": "a=b"}
    response = _ask(settings, replicas, "/tasks/signs@live/predict", content=FILES[0], headers=headers)
    assert response.headers["x-request-id"] == response.json()["request_id"] == "abc"
    (call,) = replicas.calls
    assert dict(call.headers) == {b"x-request-id": b"abc", b"content-type": b"image/png"}
    assert call.tasks == ("signs",)


def test_keys_are_asked_for_before_a_replica_is(settings: ServerSettings, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": []}))
    locked = settings.model_copy(update={"keys_file": keys})
    response = _ask(locked, FullHouse(), "/tasks/signs/predict", content=FILES[0], headers=PNG)
    assert response.status_code == 401
