"""How long a prediction keeps its bundle, and what it does meanwhile."""

import gc
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from nettailor import images
from registry.registry import Registry
from server.engine.ready import Ready
from tests.server.asking import FILES, ask, assert_answers, publish
from tests.server.held import Held
from tests.server.oracle import make_bytes
from tests.server.running import Running
from tests.waiting import until


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Without the cycle collector: what is freed is freed because nothing refers to it."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.mark.usefixtures("uncollected")
def test_a_bundle_that_had_to_go_leaves_its_memory_at_once(server: Running, registry: Registry) -> None:
    """Whoever waited for its load, was answered by it, or had it take over: nobody still refers to it."""
    residency = server.service.parts.residency
    seen: dict[int, weakref.ref[Ready]] = {}

    def look() -> None:
        for row in residency.table():
            lease = residency.acquire(row.id)
            seen[row.id.version] = weakref.ref(lease.ready.result(30))
            lease.release()

    def are_left(*versions: int) -> bool:
        return [version for version, adapter in seen.items() if adapter() is not None] == [*versions]

    def take_over(version: int) -> None:
        publish(registry, seed=version)
        until(lambda: ask(server).json()["version"] == version)

    for version in (1, 2, 3):
        take_over(version)
        look()
    until(lambda: are_left(3))
    assert ask(server, "signs/versions/1").json()["tier"] == "disk"  # so this one waited
    look()
    residency.retire(next(row.id for row in residency.table() if row.id.version == 1))
    ask(server)  # the engine knows its last batch until there is another one
    until(lambda: are_left(3))


def test_a_request_s_bundle_loads_while_its_images_are_decoded(
    server: Running, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = Held(images.decode, lambda data: data == FILES[2])
    monkeypatch.setattr(images, "decode", decode)
    data = make_bytes()
    registry.publish("signs", data, actor="test")  # no alias names it, so nothing but a request has it loaded
    url = server.client.base_url.join("/tasks/signs/versions/1/predict")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(httpx.post, url, content=FILES[2], timeout=30, trust_env=False)
        try:
            assert decode.began.wait(30)
            until(lambda: bool(server.service.parts.residency.table()))
            assert not waiting.done()
        finally:
            decode.go.set()
        assert_answers(waiting.result(30).json(), data, [2])
