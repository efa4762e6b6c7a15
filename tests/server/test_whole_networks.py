"""Tasks with networks, masks or weights of their own on a server beside tasks that share: answers, what they cost, and
no room for one.

Needs a tests' Redis and a folder; one server for the module.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from hosting.redis_server.embedded import EmbeddedRedis
from nettailor.bundle.bundle import digest_of
from nettailor.network.packnet.student import what_is_there
from registry.registry import Registry
from registry.storage.blobs import Blobs
from registry.wiring import connect
from server.settings import ServerSettings
from tests.chains import link_bytes
from tests.server.asking import FILES, ask, assert_answers, publish
from tests.server.oracle import backbone, fingerprint
from tests.server.running import Running, running
from tests.waiting import until

NETWORK_BYTES = 5_800_000  # of mini26, a little less
ROOM = 14_000_000


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Registry, dict[str, bytes]]]:
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as private:
        client: redis.Redis = connect(private.url)
        registry = Registry(Blobs(str(tmp_path_factory.mktemp("blobs"))), client)
        yield (
            registry,
            {
                "signs": publish(registry),
                "flowers": publish(registry, "flowers", seed=2, classes=3, method="finetuning"),
                "birds": publish(registry, "birds", seed=3, classes=7, method="finetuning"),
                "leaves": publish(registry, "leaves", seed=4, method="piggyback"),
                "herbs": (herbs := publish(registry, "herbs", seed=5, method="packnet")),
                "moss": publish(registry, "moss", seed=6, method="packnet", after=digest_of(herbs)),
            },
        )
        client.close()


def by_digest(bundles: dict[str, bytes]) -> dict[str, bytes]:
    return {digest_of(data): data for data in bundles.values()}


def settings(folder: Path, room: int) -> ServerSettings:
    return ServerSettings(data_dir=folder, device="cpu", max_wait_ms=1, device_budget_bytes=room)


@pytest.fixture(scope="module")
def roomy(published: tuple[Registry, dict[str, bytes]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(settings(tmp_path_factory.mktemp("roomy"), ROOM), published[0]) as server:
        yield server


def test_tasks_of_both_kinds_are_answered_in_one_request(
    roomy: Running, published: tuple[Registry, dict[str, bytes]]
) -> None:
    names = ["birds", "signs", "leaves", "moss", "flowers"]
    response = roomy.client.post("/predict", params={"tasks": ",".join(names)}, content=FILES[0])
    assert response.status_code == 200, response.text
    for name, answer in zip(names, response.json()["results"], strict=True):
        assert_answers(answer, published[1][name], [0], chain=by_digest(published[1]))


def test_what_a_network_takes_is_measured_where_bundles_are(roomy: Running) -> None:
    for name in ("signs", "leaves", "moss", "flowers"):
        assert ask(roomy, name).status_code == 200
    sizes = {row.id.task: row.size_bytes for row in roomy.service.parts.residency.table()}
    assert NETWORK_BYTES < sizes["flowers"] < 1.1 * NETWORK_BYTES
    assert sizes["signs"] < NETWORK_BYTES / 2
    assert NETWORK_BYTES / 32 < sizes["leaves"] < 1.2 * NETWORK_BYTES / 32
    assert 0.95 * NETWORK_BYTES < sizes["moss"] <= sizes["flowers"]  # all but the stem
    shown = roomy.client.get("/metrics").text
    (resident,) = [line for line in shown.splitlines() if line.startswith('nettailor_resident_bytes{tier="device"}')]
    assert float(resident.split()[1]) == sum(row.size_bytes for row in roomy.service.parts.residency.table())


def test_one_larger_than_the_room_is_refused_and_what_served_goes_on(
    published: tuple[Registry, dict[str, bytes]], tmp_path: Path
) -> None:
    registry, bundles = published
    with running(settings(tmp_path, NETWORK_BYTES // 2), registry) as server:
        for name in ("flowers", "moss"):
            refused = ask(server, name)
            assert (refused.status_code, refused.json()["type"]) == (424, "urn:nettailor:problem:bundle-does-not-fit")
            assert f"task '{name}'" in refused.json()["detail"]
            assert "NETTAILOR_DEVICE_BUDGET_BYTES" in refused.json()["detail"]
        assert_answers(ask(server).json(), bundles["signs"], [0])
        small = publish(registry, "trees", seed=5)
        failures = server.service.metrics.load_failures.labels("NetworkDoesNotFit")
        before = failures._value.get()
        until(lambda: ask(server, "trees").status_code == 200)
        publish(registry, "trees", seed=4, method="finetuning")
        until(lambda: failures._value.get() > before)
        assert_answers(ask(server, "trees").json(), small, [0])


def test_a_chain_with_a_missing_link_is_refused_and_heals_and_what_served_goes_on(
    published: tuple[Registry, dict[str, bytes]], tmp_path: Path
) -> None:
    registry, bundles = published
    first = publish(registry, "ferns", seed=7, method="packnet")
    second = publish(registry, "algae", seed=8, method="packnet", after=digest_of(first))
    registry.blobs.delete(digest_of(first))
    with running(settings(tmp_path, ROOM), registry) as server:
        refused = ask(server, "algae")
        assert (refused.status_code, refused.json()["type"]) == (424, "urn:nettailor:problem:bundle-unusable")
        assert f"stands on bundle {digest_of(first)}, which is not here" in refused.json()["detail"]
        assert_answers(ask(server).json(), bundles["signs"], [0])
        registry.publish("ferns", first, actor="test")
        assert_answers(ask(server, "algae").json(), second, [0], chain=by_digest({"ferns": first}))


def test_weights_that_the_backbone_has_are_named_and_what_served_goes_on(
    published: tuple[Registry, dict[str, bytes]], tmp_path: Path
) -> None:
    """What the registry, which has no backbone, cannot see."""
    registry, _ = published
    taken = {name: ~places for name, places in what_is_there(backbone(), []).free.items()}
    sound = publish(registry, "fungi", seed=9, method="packnet")
    odd = registry.publish("fungi", link_bytes("fungi", free=taken, fingerprint=fingerprint()), actor="test")
    with running(settings(tmp_path, ROOM), registry) as server:
        assert_answers(ask(server, "fungi").json(), sound, [0])
        failures = server.service.metrics.load_failures.labels("ChainOverlaps")
        registry.promote("fungi", "live", odd.version, actor="test", reason="test")
        until(lambda: failures._value.get() > 0)
        assert_answers(ask(server, "fungi").json(), sound, [0])
