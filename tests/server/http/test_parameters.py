"""Priority and timeout, from the query to the engine, over real HTTP with an engine that waits to be let go."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from registry.registry import Registry
from server.residency.tiers import Tier
from server.settings import ServerSettings
from tests.server.asking import FILES, publish
from tests.server.running import Running, running
from tests.waiting import until


class House:
    """A server that runs one image at a time; `asked` requests are on their way in threads."""

    def __init__(self, server: Running, pool: ThreadPoolExecutor) -> None:
        self.server, self._pool = server, pool
        self.began, self.go = threading.Event(), threading.Event()
        self.priorities: list[int] = []
        scheduler = server.service.parts.scheduler
        self._run, scheduler._runner = scheduler._runner, self._held

    def _held(self, batch: Sequence[Any]) -> Any:
        self.priorities += [item.work.priority for item in batch]
        self.began.set()
        assert self.go.wait(30)
        return self._run(batch)

    def ask(self, task: str = "signs", **options: int) -> "Future[httpx.Response]":
        url = self.server.client.base_url.join(f"/tasks/{task}/predict")
        return self._pool.submit(httpx.post, url, content=FILES[0], params=options, timeout=30, trust_env=False)

    def users(self) -> int:
        return sum(row.users for row in self.server.service.parts.residency.table())

    @property
    def under_way(self) -> int:
        return self.server.service.parts.admission.under_way


@pytest.fixture
def house(server_settings: ServerSettings, registry: Registry) -> Iterator[House]:
    publish(registry)
    one_by_one = server_settings.model_copy(update={"max_batch": 1})
    with running(one_by_one, registry) as server, ThreadPoolExecutor(4) as pool:
        house = House(server, pool)
        try:
            yield house
        finally:
            house.go.set()


def test_priority_overtakes_within_a_task(house: House) -> None:
    first = house.ask()
    assert house.began.wait(30)
    later = []
    for depth, priority in enumerate((0, -3, 7), start=1):
        later.append(house.ask(priority=priority))
        until(lambda depth=depth: house.server.service.parts.scheduler.depth == depth)  # type: ignore[misc]  # mypy infers no defaults
    house.go.set()
    assert {answer.result(30).status_code for answer in [first, *later]} == {200}
    assert house.priorities == [0, 7, 0, -3]


def test_a_timeout_is_kept_while_the_engine_is_busy_with_others(house: House) -> None:
    first = house.ask()
    assert house.began.wait(30)
    late = house.ask(timeout_ms=50).result(30)
    assert (late.status_code, late.json()["type"]) == (504, "urn:nettailor:problem:deadline-exceeded")
    assert not first.done()
    assert (house.under_way, house.users()) == (1, 1)
    house.go.set()
    assert first.result(30).status_code == 200
    assert len(house.priorities) == 1  # nothing was run for nobody


def test_a_bundle_stays_while_the_engine_runs_it_for_nobody(house: House) -> None:
    late = house.ask(timeout_ms=200).result(30)
    assert late.status_code == 504
    if house.began.is_set():  # on a very busy machine it never came so far
        assert (house.under_way, house.users()) == (1, 1)
    house.go.set()
    until(lambda: (house.under_way, house.users()) == (0, 0))


def test_a_timeout_while_the_bundle_loads_does_not_end_the_load(
    house: House, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.go.set()
    read, went_on, reads = registry.blobs.read, threading.Event(), []

    def read_slowly(digest: str) -> bytes:
        reads.append(digest)
        assert went_on.wait(30)
        return read(digest)

    monkeypatch.setattr(house.server.service.parts.residency.loader, "_read_blob", read_slowly)
    publish(registry, "slow", seed=1)
    late = [house.ask("slow", timeout_ms=50) for _ in range(2)]
    assert [answer.result(30).status_code for answer in late] == [504, 504]
    went_on.set()
    patient = house.ask("slow").result(30)
    assert patient.status_code == 200
    assert len(reads) == 1
    assert patient.json()["tier"] in (Tier.REGISTRY, Tier.DEVICE)


def test_the_timeout_of_the_settings_holds_for_requests_that_name_none(
    server_settings: ServerSettings, registry: Registry
) -> None:
    publish(registry)
    hasty = server_settings.model_copy(update={"request_timeout_ms": 50, "max_wait_ms": 60_000.0, "max_batch": 8})
    with running(hasty, registry) as server:
        assert server.client.post("/tasks/signs/predict", content=FILES[0]).status_code == 504
