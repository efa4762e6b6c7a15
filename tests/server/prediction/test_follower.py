"""A server follows the registry, and goes on without it."""

import contextlib
from pathlib import Path

import pytest
import redis

from hosting.redis_server.embedded import EmbeddedRedis
from nettailor.bundle import bundle as bundles
from registry.registry import Registry
from registry.storage.blobs import Blobs
from registry.wiring import connect
from server.settings import ServerSettings
from tests.bundles import random_bundle
from tests.registry.corruption import corrupt, write_unreadable
from tests.server.asking import ask, assert_answers, publish
from tests.server.held import Held
from tests.server.oracle import make_bytes
from tests.server.running import Running, running
from tests.waiting import until


def test_a_version_that_cannot_be_used_never_takes_over(server: Running, registry: Registry) -> None:
    first = publish(registry, seed=1)
    assert_answers(ask(server).json(), first, [0])
    foreign = registry.publish("signs", bundles.encode(*random_bundle(seed=2)), actor="test")
    registry.promote("signs", "live", foreign.version, actor="test", reason="test")
    failures = server.service.metrics.load_failures.labels("BackboneNotHere")
    until(lambda: failures._value.get() == 1)
    assert_answers(ask(server).json(), first, [0])
    assert ask(server, "signs/versions/2").json()["version"] == 2
    assert ask(server, "signs/versions/2").status_code == 424
    third = publish(registry, seed=3)
    until(lambda: ask(server).json()["version"] == 3)
    assert_answers(ask(server).json(), third, [0])


def test_a_corrupt_new_version_never_takes_over_until_it_is_restored(
    server_settings: ServerSettings, registry: Registry
) -> None:
    """Corrupt at first, missing from then on; the bytes published again, it takes over without a restart."""
    first, second = publish(registry, seed=1), make_bytes("signs", seed=2)
    eager = server_settings.model_copy(update={"reconcile_seconds": 0.05})
    with running(eager, registry) as server:
        assert_answers(ask(server).json(), first, [0])
        record = registry.publish("signs", second, actor="test")
        corrupt(registry.blobs, record.digest)
        registry.promote("signs", "live", record.version, actor="test", reason="test")
        failures = server.service.metrics.load_failures
        until(lambda: failures.labels("BlobMissing")._value.get() > 1)
        assert failures.labels("BlobCorrupt")._value.get() == 1
        assert_answers(ask(server).json(), first, [0])
        assert ask(server, "signs/versions/2").status_code == 424
        until(lambda: "nettailor_blobs_quarantined_total 1.0" in server.client.get("/metrics").text)
        registry.publish("signs", second, actor="test")
        until(lambda: ask(server).json()["version"] == 2)
        assert_answers(ask(server).json(), second, [0])


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

    until(is_second)
    assert tiers[2] == {"device"}


def test_what_is_resident_or_on_disk_outlives_its_blob(server_settings: ServerSettings, registry: Registry) -> None:
    data = {task: publish(registry, task, seed=index) for index, task in enumerate(("one", "two"))}
    tight = server_settings.model_copy(update={"device_budget_bytes": 1, "host_budget_bytes": 1})
    with running(tight, registry) as server:
        for task in data:
            ask(server, task)
        for record in map(registry.resolve, data):
            corrupt(registry.blobs, record.digest)
        assert len(registry.verify().faults) == 4
        for task in (*data, *data):  # each makes the other leave the device
            assert_answers(ask(server, task).json(), data[task], [0])


def test_rollback_and_deletion_reach_the_server(server: Running, registry: Registry) -> None:
    first = publish(registry, seed=1)
    publish(registry, seed=2)
    until(lambda: ask(server).json()["version"] == 2)
    registry.rollback("signs", actor="test", reason="test")
    until(lambda: ask(server).json()["version"] == 1)
    assert_answers(ask(server).json(), first, [0])
    registry.delete_version("signs", 2, actor="test", reason="test")
    until(lambda: ask(server, "signs/versions/2").status_code == 404)
    registry.delete_task("signs", actor="test", reason="test")
    until(lambda: ask(server).status_code == 404)
    until(lambda: not server.service.parts.residency.table())
    until(lambda: 'task="signs"' not in server.client.get("/metrics").text)
    assert list((server.service.settings.cache_folder).iterdir()) == []
    again = publish(registry, seed=4)
    assert_answers(ask(server).json(), again, [0])


def test_pinned_tasks_stay_and_a_restart_finds_the_disk_tier(
    server_settings: ServerSettings, registry: Registry
) -> None:
    data = {task: publish(registry, task, seed=index) for index, task in enumerate(("kept", "one", "two"))}
    tight = server_settings.model_copy(
        update={"pinned_tasks": frozenset({"kept"}), "device_budget_bytes": 1, "host_budget_bytes": 1}
    )
    with running(tight, registry) as server:
        tiers = {task: [ask(server, task).json()["tier"] for _ in range(2)] for task in data}
        assert tiers["kept"][1] == "device"
        assert tiers["one"] == ["registry", "disk"]
    with running(server_settings, registry) as server:
        answers = {task: ask(server, task).json() for task in data}
        assert {task: answer["tier"] for task, answer in answers.items()} == dict.fromkeys(data, "disk")
        for task, answer in answers.items():
            assert_answers(answer, data[task], [0])


def test_serving_goes_on_while_redis_is_away(tmp_path: Path, server_settings: ServerSettings) -> None:
    with EmbeddedRedis(tmp_path / "redis") as redis, contextlib.closing(connect(redis.url)) as client:
        registry = Registry(Blobs(str(tmp_path / "blobs")), client)
        first, second = publish(registry, seed=1), publish(registry, "other", seed=2)
        with running(server_settings, registry) as server:
            assert_answers(ask(server).json(), first, [0])
            redis.stop()
            assert_answers(ask(server).json(), first, [0])
            assert_answers(ask(server, "other").json(), second, [0])  # not resident yet: from the blobs
            unknown = ask(server, "nothing")
            assert (unknown.status_code, unknown.headers["retry-after"]) == (503, "1")
            assert server.client.get("/readyz").status_code == 200
            redis.start()
            third = publish(registry, seed=3)
            until(lambda: ask(server).json()["version"] == 2)
            assert_answers(ask(server).json(), third, [0])


def test_overload_and_timeouts(server_settings: ServerSettings, registry: Registry) -> None:
    publish(registry)
    full = server_settings.model_copy(update={"queue_bound": 1, "max_wait_ms": 60_000.0, "max_batch": 8})
    with running(full, registry) as server:
        late = ask(server, params={"timeout_ms": 50})
        assert (late.status_code, late.json()["type"]) == (504, "urn:nettailor:problem:deadline-exceeded")
        server.service.parts.admission.enter(("other",), 1)
        refused = ask(server)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert 'nettailor_rejected_total{reason="Overloaded"} 1.0' in server.client.get("/metrics").text


@pytest.mark.parametrize("path", ["/readyz", "/metrics", "/healthz", "/openapi.json"])
def test_pages(server: Running, path: str) -> None:
    assert server.client.get(path).status_code == 200


def test_a_record_that_cannot_be_read_keeps_no_server_from_getting_ready(
    server_settings: ServerSettings, registry: Registry, redis_client: "redis.Redis"
) -> None:
    sound = publish(registry, "signs", seed=1)
    publish(registry, "digits", seed=2)
    publish(registry, "digits", alias="tested", seed=3)
    publish(registry, "birds", seed=4)
    key = write_unreadable(registry.blobs, "birds", 3)
    registry.reconcile()  # the index has read this one and not understood it
    versions = "nettailor:registry:versions:digits"
    redis_client.hset(versions, "1", '{"kind":"of-tomorrow","sequence":1}')
    with running(server_settings, registry) as server:
        assert server.client.get("/readyz").json()["state"] == "ready"
        assert_answers(ask(server, "signs").json(), sound, [0])
        assert ask(server, "digits@tested").status_code == 200
        for name in ("birds", "birds/versions/1", "digits", "digits@live", "digits/versions/1"):
            answer = ask(server, name)
            assert answer.status_code == 424, name
            assert answer.json()["title"] == "record unreadable"
        assert key in ask(server, "birds").json()["detail"]
        assert ask(server, "nobody").status_code == 404
        assert ask(server, "digits@nobody").status_code == 404
        registry.blobs.store.delete(key)
        registry.rebuild()
        until(lambda: ask(server, "birds").status_code == 200)
        assert ask(server, "digits").status_code == 200


def test_a_server_goes_on_with_what_it_has_while_a_record_cannot_be_read(
    server_settings: ServerSettings, registry: Registry
) -> None:
    signs = publish(registry, "signs", seed=1)
    publish(registry, "digits", seed=2)
    eager = server_settings.model_copy(update={"reconcile_seconds": 0.05})
    with running(eager, registry) as server:
        write_unreadable(registry.blobs, "signs", 3)
        registry.reconcile()
        digits = publish(registry, "digits", seed=3)
        until(lambda: ask(server, "digits").json()["version"] == 2)
        assert_answers(ask(server, "signs").json(), signs, [0])
        assert_answers(ask(server, "digits").json(), digits, [0])
