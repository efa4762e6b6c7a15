"""What an answer and the metrics say it cost: tiers, switches, bytes."""

import gc
import re
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from nettailor import images
from nettailor.bundle import bundle as bundles
from registry.registry import Registry
from server.engine.adapters import Adapter
from server.metrics import Metrics
from server.residency.tiers import Tier
from tests.server.asking import FILES, assert_answers, publish
from tests.server.oracle import make_bytes
from tests.server.prediction.test_follower import ask, turn_until
from tests.server.running import Running


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Without the cycle collector: what is freed is freed because nothing refers to it."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class Held:
    """A function that waits to be let go where `holds` says so."""

    def __init__(self, function: Any, holds: Any) -> None:
        self._function, self._holds = function, holds
        self.began, self.go = threading.Event(), threading.Event()

    def __call__(self, argument: Any, **options: Any) -> Any:
        if self._holds(argument):
            self.began.set()
            assert self.go.wait(30)
        return self._function(argument, **options)


def _samples(server: Running, name: str) -> dict[str, float]:
    """The samples of a metric by their labels' values, joined by commas."""
    found = {}
    for line in server.client.get("/metrics").text.splitlines():
        if sample := re.fullmatch(rf"{name}(?:{{(.*)}})? (\S+)", line):
            found[",".join(re.findall(r'"([^"]*)"', sample[1] or ""))] = float(sample[2])
    return found


def test_switches_by_tier_and_measured_bytes(server: Running, registry: Registry) -> None:
    data = {task: publish(registry, task, seed=index) for index, task in enumerate(("one", "two"))}
    answers = [ask(server, task) for task in ("one", "two", "one", "two", "one")]
    tiers = [answer.json()["tier"] for answer in answers]
    assert set(tiers[2:]) == {"device"}
    counted = _samples(server, "nettailor_task_switch_seconds_count")
    assert sum(counted.values()) == 5
    assert counted == {tier: tiers.count(tier) for tier in set(tiers)}
    assert sum(_samples(server, "nettailor_switches_total").values()) == 5
    for answer in answers:
        body, timing = answer.json(), answer.headers["server-timing"]
        for part in ("switch", "queue", "inference"):
            assert f"{part};dur={body[f'{part}_ms']}" in timing
        assert body["inference_ms"] > 0
    assert answers[2].json()["switch_ms"] < 5
    residency = server.service.parts.residency
    adapters = [residency.acquire(row.id).ready.result(30) for row in residency.table()]
    assert len(adapters) == len(data)
    measured = sum(adapter.size_bytes for adapter in adapters)  # what that counts: test_engine
    files = sum(path.stat().st_size for path in server.service.settings.cache_folder.iterdir())
    assert _samples(server, "nettailor_resident_bytes") == {"device": measured, "host": 0, "disk": files}
    assert _samples(server, "nettailor_resident_tasks") == {"device": 2, "host": 0, "disk": 2}
    assert _samples(server, "nettailor_lookups_total")["device"] >= 3


@pytest.mark.usefixtures("uncollected")
def test_a_bundle_that_had_to_go_leaves_its_memory_at_once(server: Running, registry: Registry) -> None:
    """Whoever waited for its load, was answered by it, or had it take over: nobody still refers to it."""
    residency = server.service.parts.residency
    seen: dict[int, weakref.ref[Adapter]] = {}

    def look() -> None:
        for row in residency.table():
            lease = residency.acquire(row.id)
            seen[row.id.version] = weakref.ref(lease.ready.result(30))
            lease.release()

    def are_left(*versions: int) -> bool:
        return [version for version, adapter in seen.items() if adapter() is not None] == [*versions]

    def take_over(version: int) -> None:
        publish(registry, seed=version)
        turn_until(server, lambda: ask(server).json()["version"] == version)

    for version in (1, 2, 3):
        take_over(version)
        look()
    turn_until(server, lambda: are_left(3))
    assert ask(server, "signs/versions/1").json()["tier"] == "disk"  # so this one waited
    look()
    residency.retire(next(row.id for row in residency.table() if row.id.version == 1))
    ask(server)  # the engine knows its last batch until there is another one
    turn_until(server, lambda: are_left(3))


def test_a_new_version_is_ready_before_it_takes_over(
    server: Running, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """fetch and verify -> make ready -> flip: no request ever waits for the new one's bytes."""
    first, second = publish(registry, seed=1), make_bytes(seed=2)
    assert_answers(ask(server).json(), first, [0])
    read = Held(registry.blobs.read, lambda digest: digest == bundles.digest_of(second))
    monkeypatch.setattr(server.service.parts.residency.loader, "_read_blob", read)
    try:
        publish(registry, seed=2)
        assert read.began.wait(30)
        for _ in range(3):
            answer = ask(server).json()
            assert (answer["version"], answer["tier"]) == (1, "device")
    finally:
        read.go.set()
    tiers: dict[int, set[str]] = {1: set(), 2: set()}

    def is_second() -> bool:
        answer = ask(server).json()
        tiers[answer["version"]].add(answer["tier"])
        return bool(answer["version"] == 2)

    turn_until(server, is_second)
    assert tiers[2] == {"device"}


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
            turn_until(server, lambda: bool(server.service.parts.residency.table()))
            assert not waiting.done()
        finally:
            decode.go.set()
        assert_answers(waiting.result(30).json(), data, [2])


def test_a_request_that_outlives_its_task_leaves_no_series_behind() -> None:
    metrics = Metrics(CollectorRegistry())
    known = {"signs"}
    metrics.knows_task = known.__contains__
    metrics.answered(["signs"], 200, 0.1)
    known.remove("signs")
    metrics.forget_task("signs")
    metrics.switched("signs", Tier.DEVICE, 0.001)
    metrics.queued("signs", 0.1)
    metrics.answered(["signs"], 200, 0.1)
    shown = generate_latest(metrics.registry).decode()
    assert 'task="signs"' not in shown
    assert 'nettailor_requests_total{code="200",task="_other"} 1.0' in shown
