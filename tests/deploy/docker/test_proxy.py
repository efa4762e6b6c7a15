"""The reverse proxy, as a real nginx: every route of every service goes to its owner, and nothing else gets through."""

import asyncio
import contextlib
import json
import re
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import redis
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from hosting.access.key_file import add_key
from hosting.access.keys import new_key
from hosting.access.pages.route_declarations import ROUTES as PAGE_ROUTES
from hosting.settings.settings import Settings
from nettailor.bundle.backbone_file import LIMITS
from registry.http.app import create_app
from registry.http.route_declarations import ROUTES as REGISTRY_ROUTES
from registry.registry import Registry
from registry.storage.blobs import Blobs
from server.http.route_declarations import ROUTES as SERVER_ROUTES
from server.settings import ServerSettings
from tests.bundles import tiny_bytes
from tests.deploy.docker.proxy import FOLDER, lay_out, proxied, try_out
from tests.processes.ports import free_port
from tests.serving import served
from trainer.http.route_declarations import FOLLOW_JOB
from trainer.http.route_declarations import ROUTES as TRAINER_ROUTES
from trainer.settings import Settings as TrainerSettings

_TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass(kw_only=True)
class Stub:
    """Stands for a service: tells what it was asked. `status` is what it answers; `gate` holds back a stream's rest."""

    name: str
    status: int = 200
    asked: int = 0
    gate: threading.Event = field(default_factory=threading.Event)

    def app(self) -> FastAPI:
        app = FastAPI(openapi_url=None)

        @app.get("/jobs/{job}/events")
        def events(job: str) -> StreamingResponse:
            return StreamingResponse(self._events(), media_type="text/event-stream")

        @app.api_route("/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
        async def echo(path: str, request: Request) -> Response:
            self.asked += 1
            body = await request.body()
            told = {
                "x-served-by": self.name,
                "x-body-bytes": str(len(body)),
                "x-path": request.scope["raw_path"].decode(),
                **{f"x-got-{name}": value for name, value in request.headers.items() if name in _WATCHED},
            }
            return Response(status_code=self.status, headers=told)

        return app

    async def _events(self) -> AsyncIterator[str]:
        yield "event: state\ndata: {}\n\n"
        await asyncio.to_thread(self.gate.wait, 60)
        yield "event: log\ndata: {}\n\n"


_WATCHED = {"authorization", "traceparent", "x-request-id", "x-forwarded-for", "host", "idempotency-key"}


@pytest.fixture(scope="module")
def stubs() -> Iterator[dict[str, tuple[Stub, int]]]:
    with contextlib.ExitStack() as stack:
        found = {}
        for name in ("server", "trainer", "registry"):
            stub = Stub(name=name)
            found[name] = (stub, int(stack.enter_context(served(stub.app())).rpartition(":")[2]))
        yield found


@pytest.fixture(scope="module")
def proxy(stubs: dict[str, tuple[Stub, int]]) -> Iterator[httpx.Client]:
    ports = {name: port for name, (_, port) in stubs.items()}
    with proxied(ports) as url, httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        yield client


def test_nginx_accepts_the_configuration(tmp_path: Path) -> None:
    lay_out(tmp_path, {"server": 1, "trainer": 2, "registry": 3}, 8080)
    done = try_out(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


_ROUTES = {"registry": REGISTRY_ROUTES, "server": SERVER_ROUTES, "trainer": (*TRAINER_ROUTES, *PAGE_ROUTES)}
_FILLED = {
    "task": "signs@candidate",
    "version": "3",
    "alias": "live",
    "job": "5f3a-1",
    "backbone": "ours",
    "k": "4",
    "name": "pages/a.html",
}


def test_every_route_of_every_service_goes_to_its_owner(proxy: httpx.Client) -> None:
    asked = 0
    for owner, routes in _ROUTES.items():
        for route in routes:
            if route is FOLLOW_JOB:
                continue
            path = re.sub(r"\{(\w+)(:path)?\}", lambda found: _FILLED[found[1]], route.path)
            answer = proxy.request(route.method, f"{path}?x=%2F")
            assert answer.headers.get("x-served-by") == owner, f"{route.method} {path}"
            assert answer.headers["x-path"] == path
            asked += 1
    assert asked > 30


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("/readyz", "server"),
        ("/v2", "server"),
        ("/v2/health/ready", "server"),
        ("/v2/models/signs/versions/3/infer", "server"),
        ("/v2/repository/models/signs/load", "server"),
        ("/tasks/signs/report", "registry"),
        ("/tasks/signs/versions/3/attachments/report/front.json", "registry"),
        ("/tasks/signs/versions/3/front/5", "trainer"),
        ("/jobs/1/logs", "trainer"),
        ("/tasks/datasets/inspect", "registry"),
        ("/tasks/predict", "registry"),  # a task of that name
        ("/tasks/a%2Fb/predict", "registry"),  # which knows no such task either
    ],
)
def test_paths_that_are_easy_to_mistake(proxy: httpx.Client, path: str, owner: str) -> None:
    answer = proxy.post(path)
    assert (answer.headers["x-served-by"], answer.headers["x-path"]) == (owner, path)


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/registry/metrics",
        "/registry/docs/../metrics",
        "/registry/tasks",
        "/elsewhere/docs",
        "//metrics",
        "/tasks/../metrics",
        "/tasks/%2e%2e/metrics",
        "/v2x",
        "/datasets",
        "/job",
    ],
)
def test_what_no_service_offers_to_the_outside_is_a_problem_document(proxy: httpx.Client, path: str) -> None:
    answer = proxy.send(
        httpx.Request("GET", httpx.URL(str(proxy.base_url).rstrip("/")).copy_with(raw_path=path.encode()))
    )
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert "x-served-by" not in answer.headers


def test_the_proxy_is_healthy_by_itself(proxy: httpx.Client) -> None:
    assert proxy.get("/healthz").json() == {"status": "ok"}


def test_what_a_request_says_of_itself_is_passed_on(proxy: httpx.Client) -> None:
    headers = {"Authorization": "Bearer ntk_x", "traceparent": _TRACE, "X-Request-Id": "mine-1", "Idempotency-Key": "k"}
    told = proxy.post("/tasks/signs/dataset", headers=headers).headers
    assert {name: told[f"x-got-{name.lower()}"] for name in headers} == headers
    assert told["x-got-x-forwarded-for"] == "127.0.0.1"
    assert told["x-got-host"] == httpx.URL(str(proxy.base_url)).netloc.decode()


@pytest.mark.parametrize("given", ["", 'a"b', "x" * 129, "new\tline"])
def test_an_id_that_the_services_would_not_take_is_replaced(proxy: httpx.Client, given: str) -> None:
    made = proxy.get("/tasks", headers={"X-Request-Id": given}).headers["x-got-x-request-id"]
    assert re.fullmatch("[0-9a-f]{32}", made)
    refused = proxy.get("/nothing", headers={"X-Request-Id": given})
    assert re.fullmatch("[0-9a-f]{32}", refused.json()["request_id"])


@pytest.mark.parametrize(
    ("path", "limit_bytes"),
    [
        ("/tasks/signs/predict", 32 << 20),
        ("/predict", 32 << 20),
        ("/v2/models/signs/infer", 32 << 20),
        ("/tasks/signs/rollback", 1 << 20),
        ("/jobs/1/cancel", 1 << 20),
    ],
)
def test_bodies_have_a_size_each_route_takes(proxy: httpx.Client, path: str, limit_bytes: int) -> None:
    assert proxy.post(path, content=b"x" * limit_bytes).headers["x-body-bytes"] == str(limit_bytes)
    refused = proxy.post(path, content=b"x" * (limit_bytes + 1))
    assert (refused.status_code, refused.json()["status"]) == (413, 413)
    assert isinstance(refused.json()["error"], str)
    assert refused.headers["content-type"] == _type_of_errors(path)


def _type_of_errors(path: str) -> str:
    return "application/json" if path.startswith("/v2/") else "application/problem+json"


def _refusing() -> FastAPI:
    app = FastAPI(openapi_url=None)

    @app.post("/tasks/{task}/dataset")
    async def refuse(task: str) -> Response:
        return Response(status_code=415, content=b"no")

    return app


@pytest.mark.parametrize("connection", ['""', "close"])
def test_a_service_that_refuses_a_body_while_it_comes_is_heard(connection: str) -> None:
    """nginx sends on while the answer comes; where it was told to close, the service may not reset the connection."""
    change = (r'proxy_set_header Connection "";', f"proxy_set_header Connection {connection};")
    with served(_refusing()) as url:
        port = int(url.rpartition(":")[2])
        with (
            proxied({"server": port, "trainer": port, "registry": port}, nginx=change) as proxy,
            httpx.Client(base_url=proxy, trust_env=False, timeout=60) as client,
        ):
            for _ in range(5):
                refused = client.post("/tasks/signs/dataset", content=bytes(16 << 20))
                assert (refused.status_code, refused.content) == (415, b"no")


def test_uploads_may_be_as_large_as_the_services_say() -> None:
    routes = (FOLDER / "routes.conf").read_text()
    upload_mib = TrainerSettings.model_fields["upload_mib"].default
    body_mib = ServerSettings.model_fields["max_body_bytes"].default >> 20
    backbone_mib = LIMITS.size_bytes >> 20
    found = sorted(map(int, re.findall(r"client_max_body_size (\d+)m;", routes)))
    assert found == sorted([body_mib, body_mib, backbone_mib, 1024, upload_mib + 1])


def test_events_come_one_by_one(proxy: httpx.Client, stubs: dict[str, tuple[Stub, int]]) -> None:
    gate = stubs["trainer"][0].gate
    gate.clear()
    with proxy.stream("GET", "/jobs/1/events") as answer:
        lines = answer.iter_lines()
        assert next(lines) == "event: state"
        assert not gate.is_set()  # so the service has not ended: nothing was held back until it did
        gate.set()
        assert "event: log" in list(lines)


def test_a_service_that_is_gone_is_503_and_says_when_to_try_again(stubs: dict[str, tuple[Stub, int]]) -> None:
    ports = {name: port for name, (_, port) in stubs.items()} | {"server": free_port()}
    with proxied(ports) as url:
        for path in ("/tasks/signs/predict", "/v2/models/signs/infer"):
            answer = httpx.post(f"{url}{path}", trust_env=False, timeout=60)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
            assert answer.headers["content-type"] == _type_of_errors(path)
        assert httpx.get(f"{url}/tasks", trust_env=False, timeout=60).headers["x-served-by"] == "registry"


def test_an_answer_of_the_service_itself_stays_as_it_is(
    proxy: httpx.Client, stubs: dict[str, tuple[Stub, int]]
) -> None:
    stub = stubs["registry"][0]
    stub.status = 503
    try:
        answer = proxy.get("/tasks")
        assert (answer.status_code, answer.headers["x-served-by"], answer.content) == (503, "registry", b"")
    finally:
        stub.status = 200


def test_a_prediction_goes_to_another_server_where_one_is_leaving(stubs: dict[str, tuple[Stub, int]]) -> None:
    leaving = Stub(name="leaving", status=503)
    ports = {name: port for name, (_, port) in stubs.items()}
    with served(leaving.app()) as url:
        second = f"max_fails=0;\n    server 127.0.0.1:{url.rpartition(':')[2]} max_fails=0;\n    keepalive 64"
        with (
            proxied(ports, upstreams=(r"max_fails=0;\n\s+keepalive 64", second)) as front,
            httpx.Client(base_url=front, trust_env=False, timeout=60) as client,
        ):
            answers = [client.post("/tasks/signs/predict", content=b"image") for _ in range(20)]
    assert leaving.asked > 0
    assert {answer.headers["x-served-by"] for answer in answers} == {"server"}
    assert {answer.headers["x-body-bytes"] for answer in answers} == {"5"}


def test_callers_can_be_slowed_down(stubs: dict[str, tuple[Stub, int]], proxy: httpx.Client) -> None:
    assert {proxy.get("/tasks").status_code for _ in range(200)} == {200}, "off by default"
    ports = {name: port for name, (_, port) in stubs.items()}
    with (
        proxied(ports, rates=('default "";', "default $binary_remote_addr;")) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=60) as client,
    ):
        answers = (client.get("/tasks") for _ in range(100_000))
        refused = next(answer for answer in answers if answer.status_code != 200)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert refused.headers["content-type"] == "application/problem+json"


def test_the_pages_of_the_api_are_there_with_all_that_they_load(tmp_path: Path, redis_client: "redis.Redis") -> None:
    registry = Registry(Blobs(str(tmp_path / "blobs")), redis_client)
    with served(create_app(registry, Settings())) as url:
        ports = {"server": int(url.rpartition(":")[2]), "trainer": free_port(), "registry": free_port()}
        with proxied(ports) as proxy, httpx.Client(base_url=proxy, trust_env=False, timeout=60) as client:
            for page in ("/docs", "/redoc"):
                loaded = _loaded_by(client, page)
                assert client.base_url.join("/openapi.json") in loaded
                assert len(loaded) >= 3, "a script, a picture and the document"
                assert all(client.get(file).status_code == 200 for file in loaded)
            document = client.get("/openapi.json")
            assert document.headers["content-type"] == "application/json"
            assert document.json() == json.loads((FOLDER / "openapi.json").read_text())


def _loaded_by(client: httpx.Client, page: str) -> list[httpx.URL]:
    answer = client.get(page)
    assert answer.status_code == 200, page
    named = re.findall(r"""(?:src|href|url)\s*[=:]\s*["']([^"'{}]+)["']""", answer.text)
    return [answer.url.join(file) for file in named]


def test_the_document_of_the_api_has_what_the_proxy_lets_through(
    proxy: httpx.Client, stubs: dict[str, tuple[Stub, int]]
) -> None:
    paths = json.loads((FOLDER / "openapi.json").read_text())["paths"]
    stubs["trainer"][0].gate.set()  # its events end at once
    assert {"/tasks", "/jobs", "/tasks/{task}/predict", "/links", "/"} <= set(paths)
    for path in paths:
        assert proxy.get(re.sub(r"{\w+}", "x", path)).status_code == 200, path


def test_a_link_opens_its_page_and_no_log_has_its_token(
    tmp_path: Path, redis_client: "redis.Redis", capfd: pytest.CaptureFixture[str]
) -> None:
    key, secret = new_key("ann", ["read"])
    add_key(tmp_path / "keys.json", key)
    registry = Registry(Blobs(str(tmp_path / "blobs")), redis_client)
    report = registry.blobs.put(b"how it was made")
    registry.publish("signs", tiny_bytes(), actor="me", attachments={"report.html": report})
    app = create_app(registry, Settings(keys_file=tmp_path / "keys.json"))
    headers = {"Authorization": f"Bearer {secret}"}
    with served(app) as url, contextlib.ExitStack() as stack:
        port = int(url.rpartition(":")[2])
        client = stack.enter_context(httpx.Client(trust_env=False, timeout=60))
        proxy = stack.enter_context(proxied(dict.fromkeys(("server", "trainer", "registry"), port)))
        gone = stack.enter_context(proxied(dict.fromkeys(("server", "trainer", "registry"), free_port())))
        for path, shown in (("/tasks/signs/versions/1/report", "how it was made"), ("/", "signs")):
            link = client.post(f"{proxy}/links", json={"path": path}, headers=headers).json()["url"]
            assert shown in client.get(proxy + link).text
            assert client.get(gone + link).status_code == 503
    assert "ntl_" not in "".join(capfd.readouterr())
