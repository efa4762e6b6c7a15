"""Without its store the registry answers 503 and when to come back, on every route that needs the store; what only
the index knows is answered, and so are the questions of whoever watches over it."""

import threading
from collections.abc import Iterator

import httpx
import pytest
import redis

from registry.http.app import create_app
from registry.registry import Registry
from registry.storage.blobs import Blobs
from tests.bundles import tiny_bytes
from tests.registry.storage.faulty import URL, FaultyFileSystem, LibraryError, faulty_store
from tests.serving import served
from tests.waiting import until

BUNDLE = "/tasks/signs/versions/1/bundle"


@pytest.fixture
def faulty() -> Iterator[type[FaultyFileSystem]]:
    with faulty_store() as faulty:
        yield faulty


@pytest.fixture
def http(faulty: type[FaultyFileSystem], redis_client: "redis.Redis") -> Iterator[httpx.Client]:
    registry = Registry(Blobs(URL), redis_client)
    registry.publish("signs", tiny_bytes(task="signs"), actor="ann")
    registry.publish("signs", tiny_bytes(task="signs", seed=1), actor="ann")
    for version in (1, 2):
        registry.promote("signs", "live", version, actor="ann", reason="")
    with served(create_app(registry)) as url, httpx.Client(base_url=url, timeout=60) as http:
        yield http


def test_what_needs_the_store_is_503_and_what_does_not_is_answered(
    http: httpx.Client, faulty: type[FaultyFileSystem]
) -> None:
    faulty.fault = LibraryError("no route to host")
    answers = [
        http.get(BUNDLE),
        http.post("/tasks/signs/versions", content=tiny_bytes(task="signs", seed=2)),
        http.put("/tasks/signs/aliases/next", json={"version": 1}),
        http.post("/tasks/signs/rollback", json={}),
        http.patch("/tasks/signs/versions/1", json={"note": "x"}),
        http.delete("/tasks/signs/versions/1"),
        http.delete("/tasks/signs"),
    ]
    for answer in answers:
        problem = answer.json()
        assert (answer.status_code, problem["title"]) == (503, "store unavailable"), problem
        assert answer.headers["Retry-After"] == "5"
        assert "LibraryError: no route to host" in problem["detail"]
    for path in ("/tasks", "/tasks/signs/versions", "/healthz", "/readyz", "/metrics"):
        assert http.get(path).status_code == 200
    faulty.fault = None
    assert http.post("/tasks/signs/rollback", json={}).json()["after"] == 1


def test_metrics_and_health_are_there_while_every_thread_waits_for_the_store(
    http: httpx.Client, faulty: type[FaultyFileSystem]
) -> None:
    until(lambda: "quarantined_total 0.0" in http.get("/metrics").text)
    faulty.hanging = threading.Event()
    waiting = [threading.Thread(target=http.get, args=(BUNDLE,), daemon=True) for _ in range(45)]
    for thread in waiting:
        thread.start()
    until(lambda: _is_full(http))
    assert "quarantined_total 0.0" in http.get("/metrics", timeout=15).text
    assert http.get("/healthz", timeout=15).status_code == 200
    faulty.hanging.set()
    for thread in waiting:
        thread.join()


def _is_full(http: httpx.Client) -> bool:
    """Whether the threads of requests are all taken."""
    try:
        http.get("/tasks", timeout=0.5)
    except httpx.ReadTimeout:
        return True
    return False
