"""kill -9 of publisher, registry and Redis in the midst of writes, and that the checks would see what they look for."""

import contextlib
from pathlib import Path

import pytest
import redis

from benchmarks.crash.__main__ import FAULTS, measured, table
from benchmarks.crash.checking import faults
from benchmarks.crash.journal import Journal
from benchmarks.crash.operations import (
    Acknowledged,
    Operation,
    Refused,
    by_library,
    operation_json,
    outcome_json,
    parse_operation,
    parse_outcome,
)
from hosting.redis_server.embedded import EmbeddedRedis
from registry.registry import LIVE, Registry
from registry.storage.blobs import Blobs
from registry.wiring import connect

KILLS = 10


# By day hosting/redis_server/test_supervised kills Redis after it has acknowledged, and registry/test_backbones who
# writes to the registry, before and after the record.
@pytest.mark.nightly
def test_nothing_acknowledged_is_lost_whoever_is_killed(tmp_path: Path) -> None:
    found = measured(tmp_path, kills=KILLS, seed=0)
    assert {name: found[name] for name in FAULTS} == dict.fromkeys(FAULTS, 0)
    assert found["kills"] == KILLS == sum(row["kills"] for row in found["by_victim"].values())
    assert all(found["acknowledged"].values())
    assert "WRONG" not in "\n".join(table(found))


@pytest.mark.parametrize(
    "outcome",
    [
        Acknowledged(kind="publish", task="signs", version=3, digest="sha256:0"),
        Acknowledged(kind="rollback", task="signs", version=1, before=3, at="now"),
        Refused(reason="no Redis", away=True),
    ],
)
def test_outcomes_survive_the_pipe(outcome: Acknowledged | Refused) -> None:
    assert parse_outcome(outcome_json(outcome)) == outcome
    operation = Operation(kind="publish", task="signs", seed=7)
    assert parse_operation(operation_json(operation)) == operation


@pytest.fixture
def journal(registry: Registry) -> Journal:
    """Of two publishes and two moves."""
    journal = Journal()
    for operation in (
        Operation(kind="publish", task="signs", seed=1),
        Operation(kind="promote", task="signs", version=1),
        Operation(kind="publish", task="signs", seed=2),
        Operation(kind="promote", task="signs", version=2),
        Operation(kind="rollback", task="signs"),
        Operation(kind="rollback", task="signs"),
    ):
        journal.note(by_library(registry, operation))
    assert journal.counts == {"publish": 2, "promote": 2, "rollback": 1, "refused": 1}
    return journal


@pytest.fixture
def registry(tmp_path: Path, redis_client: "redis.Redis") -> Registry:
    return Registry(Blobs(str(tmp_path / "blobs")), redis_client)


def test_the_checks_see_what_they_look_for(
    registry: Registry, redis_client: "redis.Redis", journal: Journal, tmp_path: Path
) -> None:
    with EmbeddedRedis(tmp_path / "fresh") as other, contextlib.closing(connect(other.url)) as fresh:

        def kinds() -> set[str]:
            return {fault.kind for fault in faults(registry, redis_client, fresh, journal)}

        assert kinds() == set()
        redis_client.hset("nettailor:registry:aliases:signs", "other", "7")
        assert kinds() == {"bad_aliases", "rebuild_differences"}
        redis_client.hdel("nettailor:registry:aliases:signs", "other")
        assert kinds() == set()
        live = registry.resolve("signs", alias=LIVE)
        registry.blobs.store.write(f"sha256/{live.digest[7:9]}/{live.digest[7:]}", b"partial")
        assert kinds() == {"bad_aliases", "lost_publishes"}
        registry.blobs.put(Operation(kind="publish", task="signs", seed=1).bundle())
        assert kinds() == set()
        registry.delete_version("signs", 2, actor="me", reason="to lose what was acknowledged")
        assert kinds() == {"lost_publishes"}
        journal.publishes.clear()
        registry.blobs.store.delete("records/signs/00000005.json")
        assert kinds() == {"rebuild_differences"}  # a gap
        registry.blobs.store.delete("records/signs/00000006.json")
        assert kinds() == {"rebuild_differences"}  # the last two are gone
        registry.rebuild()
        assert kinds() == {"lost_moves"}
