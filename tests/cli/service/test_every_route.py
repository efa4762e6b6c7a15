"""Whatever is sent to whichever route, the service does not fail, and answers as the OpenAPI document says."""

import contextlib
import itertools
import select
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.service.app import serving
from hosting.access.open_routes import OPEN_ROUTES
from hosting.access.route_table import RouteTable
from hosting.redis_server.embedded import EmbeddedRedis
from nettailor.bundle.bundle import encode
from registry.http.route_declarations import ROUTES as REGISTRY_ROUTES
from registry.registry import LIVE
from registry.wiring import open_registry
from server.http.route_declarations import ROUTES as SERVER_ROUTES
from server.settings import ServerSettings
from tests.bundles import random_bundle
from tests.cli.service.contract import Contract, problem_fault
from tests.cli.service.corpus import Attempt, attempts
from tests.server.measured_once import measured_once
from tests.serving import served
from tests.trainer import archives
from trainer.http.route_declarations import ROUTES as TRAINER_ROUTES
from trainer.settings import Settings as TrainerSettings

_TABLE = RouteTable(SERVER_ROUTES, TRAINER_ROUTES, REGISTRY_ROUTES, OPEN_ROUTES)
_METHODS = ("get", "put", "post", "patch", "delete")  # what takes things away comes last
_ANY_HOST = "http://localhost"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("every-route")


@pytest.fixture(scope="module")
def http(data_dir: Path, redis_server: EmbeddedRedis, backbone: str) -> Iterator[httpx.Client]:
    settings = ServerSettings(data_dir=data_dir, device="cpu", winograd=False)
    trainer = TrainerSettings(data_dir=data_dir, redis_url=redis_server.url)
    with open_registry(settings, redis_server.url) as registry:
        for seed in range(2):
            bundle = encode(*random_bundle(task="signs", fingerprint=backbone, seed=seed))
            record = registry.publish("signs", bundle, actor="test")
            registry.promote("signs", LIVE, record.version, actor="test", reason="test")
    with (
        measured_once(),
        serving(settings, trainer, redis_server.url) as (app, _),
        served(app) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=30) as http,
    ):
        yield http


def _connection(http: httpx.Client) -> HTTPConnection:
    """For thousands of requests, at a third of what each would cost `http`."""
    return HTTPConnection(http.base_url.host, http.base_url.port or 80, timeout=30)


def _answer(connection: HTTPConnection, attempt: Attempt) -> httpx.Response:
    """Read to its end."""
    if connection.sock is not None and select.select([connection.sock], [], [], 0)[0]:
        connection.close()  # the service has closed it after its last answer
    request = httpx.Request(attempt.method, f"{_ANY_HOST}{attempt.url}")
    target = request.url.raw_path.decode()
    connection.request(attempt.method, target, attempt.content, attempt.headers)  # type: ignore[arg-type]  # bytes
    answer = connection.getresponse()
    return httpx.Response(answer.status, headers=answer.getheaders(), content=answer.read(), request=request)


def _failure(connection: HTTPConnection, attempt: Attempt, contract: Contract, path: str) -> str | None:
    """What is wrong with the answer. `path` is the operation's that is meant."""
    try:
        answer = _answer(connection, attempt)
    except (HTTPException, OSError) as broken:
        connection.close()
        return repr(broken)
    if answer.is_server_error:
        return str(answer.status_code)
    route = _TABLE.find(attempt.method, answer.url.path).route
    if route is None or route.path.replace(":path}", "}") != path:  # a value that is itself part of a path leads astray
        return problem_fault(answer) if answer.is_error else None
    return contract.breach(attempt.method, path, answer)


def _operations(document: Any) -> list[tuple[str, str]]:
    paths = document["paths"]
    return [(method, path) for method in _METHODS for path in paths if method in paths[path]]


def test_every_route_refuses_a_body_without_end_unread(http: httpx.Client) -> None:
    for method, path in _operations(http.get("/openapi.json").json()):
        url = path.format(task="signs", version=1, alias="live", job="none", backbone="none", k=0, name="report.html")
        with contextlib.closing(_connection(http)) as connection:
            query = "?tasks=signs" if path == "/predict" else ""
            connection.request(method.upper(), url + query, headers={"Content-Length": str(2**50)})
            answer = connection.getresponse()
            needs_no_body = path.rpartition("/")[2] in ("finish", "cancel", "retry")  # they look at none
            assert answer.status == (404 if needs_no_body else 413), (method, path, answer.read())


def test_the_statistics_of_all_models_are_as_the_document_says(http: httpx.Client) -> None:
    """They are at the path of a model's metadata, with `stats` for its name."""
    path = next(path for path in http.get("/openapi.json").json()["paths"] if path.startswith("/v2/models/{"))
    contract = Contract(http.get("/openapi.json").json())
    for model in ("signs", "stats"):
        assert contract.breach("GET", path, http.get(path.format(task=model))) is None


# By day a third of what there is to send: of each route every third attempt, of the next one others.
@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.nightly)])
def test_no_route_fails_whatever_it_is_sent(http: httpx.Client, every: int) -> None:
    job = http.post("/tasks/pets/dataset", content=archives.zip_of(archives.class_folders())).json()["id"]
    assert http.post(f"/jobs/{job}/cancel").status_code == 200  # what follows it would have no end otherwise
    sound = {"task": "signs", "version": "2", "alias": "live", "job": job, "k": "0", "name": "report.html"}
    document = http.get("/openapi.json").json()
    contract = Contract(document)
    failures, tried = [], 0
    with contextlib.closing(_connection(http)) as connection:
        for number, (method, path) in enumerate(_operations(document)):
            for attempt in itertools.islice(attempts(document, method, path, sound), number % every, None, every):
                tried += 1
                if failure := _failure(connection, attempt, contract, path):
                    failures.append(f"{failure} {attempt}")
    assert not failures, f"{len(failures)} of {tried}:\n" + "\n".join(failures)
