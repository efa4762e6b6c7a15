import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from nettailor.bundle.bundle import encode
from nettailor.errors import BundleInvalid
from registry.errors import (
    AliasConflict,
    AliasUnknown,
    BlobMissing,
    IndexUnavailable,
    NameInvalid,
    NothingToRollBack,
    RecordsBehind,
    TaskMismatch,
    TaskUnknown,
    VersionInUse,
    VersionUnknown,
)
from registry.journal.changes import Change
from registry.journal.records import AliasMoved, Record
from registry.policy.policy import Policy
from registry.registry import Registry
from registry.storage.blobs import Blobs
from registry.versions.aliases import ANY
from registry.wiring import connect
from tests.bundles import random_bundle, tiny_bytes
from tests.nettailor.bundle.abuses import abuses
from tests.registry.contents import contents


def publish(registry: Registry, count: int, task: str = "signs") -> None:
    for seed in range(count):
        registry.publish(task, tiny_bytes(task=task, seed=seed), actor="me")


def promote(registry: Registry, *versions: int, alias: str = "live") -> None:
    for version in versions:
        registry.promote("signs", alias, version, actor="me", reason="")


def test_publish_and_read_back(registry: Registry) -> None:
    data = tiny_bytes()
    record = registry.publish("signs", data, actor="me", job="j1", note="first")
    assert (record.task, record.version, record.actor, record.job, record.note) == ("signs", 1, "me", "j1", "first")
    assert record.manifest.task == "signs"
    assert registry.read_bundle(record) == data
    assert registry.version_record("signs", 1) == record
    assert registry.versions("signs") == [record]


def test_publish_is_idempotent_on_the_bytes(registry: Registry) -> None:
    first = registry.publish("signs", tiny_bytes(), actor="me")
    registry.publish("signs", tiny_bytes(seed=1), actor="me")
    assert registry.publish("signs", tiny_bytes(), actor="you", note="again") == first
    assert [record.version for record in registry.versions("signs")] == [1, 2]


def test_publish_of_another_tasks_bundle_is_refused(registry: Registry) -> None:
    with pytest.raises(TaskMismatch):
        registry.publish("digits", tiny_bytes(task="signs"), actor="me")
    assert registry.tasks() == []


def test_no_abuse_is_published(registry: Registry) -> None:
    for abuse in abuses():
        with pytest.raises(BundleInvalid):
            registry.publish("signs", abuse.data, actor="me")
    assert registry.tasks() == []
    assert list(registry.blobs.digests()) == []


def test_resolve_follows_the_alias(registry: Registry) -> None:
    publish(registry, 2)
    with pytest.raises(AliasUnknown):
        registry.resolve("signs")
    change = registry.promote("signs", "live", 1, expected=None, actor="me", reason="first")
    assert (change.before, change.after, change.reason) == (None, 1, "first")
    registry.promote("signs", "candidate", 2, actor="me", reason="")
    assert registry.resolve("signs").version == 1
    assert registry.resolve("signs", alias="candidate").version == 2
    assert registry.task("signs").aliases == {"live": 1, "candidate": 2}


def test_promote_compares_and_sets(registry: Registry) -> None:
    publish(registry, 3)
    promote(registry, 1)
    for expected in (None, 2):
        with pytest.raises(AliasConflict) as caught:
            registry.promote("signs", "live", 3, expected=expected, actor="me", reason="")
        assert caught.value.actual == 1
    assert registry.promote("signs", "live", 3, expected=1, actor="me", reason="").after == 3
    assert registry.promote("signs", "live", 2, expected=ANY, actor="me", reason="").before == 3


def test_promote_to_where_it_is_changes_nothing(registry: Registry) -> None:
    publish(registry, 1)
    promote(registry, 1)
    history = registry.history("signs")
    change = registry.promote("signs", "live", 1, actor="me", reason="")
    assert (change.before, change.after) == (1, 1)
    assert registry.history("signs") == history


def test_promote_refuses_what_is_not_there(registry: Registry) -> None:
    with pytest.raises(TaskUnknown):
        promote(registry, 1)
    publish(registry, 1)
    with pytest.raises(VersionUnknown):
        promote(registry, 2)
    for alias in ("Not a name", "7", "a" * 33):
        with pytest.raises(NameInvalid, match="32 at most, the first a letter or a digit; no number, which"):
            promote(registry, 1, alias=alias)
    registry.blobs.delete(registry.version_record("signs", 1).digest)
    with pytest.raises(BlobMissing):
        promote(registry, 1)
    assert registry.task("signs").aliases == {}


def test_rollback_goes_back_step_by_step(registry: Registry) -> None:
    publish(registry, 3)
    promote(registry, 1, 2, 3)
    assert registry.rollback("signs", actor="me", reason="bad").after == 2
    assert registry.rollback("signs", actor="me", reason="worse").after == 1
    with pytest.raises(NothingToRollBack):
        registry.rollback("signs", actor="me", reason="")
    promote(registry, 3)
    assert registry.rollback("signs", actor="me", reason="").after == 1


def test_rollback_passes_over_deleted_versions(registry: Registry) -> None:
    publish(registry, 3)
    promote(registry, 1, 2, 3)
    registry.delete_version("signs", 2, actor="me", reason="")
    assert registry.rollback("signs", actor="me", reason="").after == 1


def test_rollback_needs_an_alias(registry: Registry) -> None:
    with pytest.raises(TaskUnknown):
        registry.rollback("signs", actor="me", reason="")
    publish(registry, 1)
    with pytest.raises(AliasUnknown):
        registry.rollback("signs", actor="me", reason="")


def test_unalias(registry: Registry) -> None:
    publish(registry, 1)
    promote(registry, 1, alias="candidate")
    with pytest.raises(AliasConflict):
        registry.unalias("signs", "candidate", expected=7, actor="me", reason="")
    assert registry.unalias("signs", "candidate", actor="me", reason="").after is None
    with pytest.raises(AliasUnknown):
        registry.unalias("signs", "candidate", actor="me", reason="")


def test_a_version_in_use_cannot_be_deleted(registry: Registry) -> None:
    publish(registry, 2)
    promote(registry, 1)
    promote(registry, 1, alias="candidate")
    with pytest.raises(VersionInUse) as caught:
        registry.delete_version("signs", 1, actor="me", reason="")
    assert caught.value.aliases == ["candidate", "live"]
    registry.delete_version("signs", 2, actor="me", reason="")
    with pytest.raises(VersionUnknown):
        registry.delete_version("signs", 2, actor="me", reason="")


def test_version_numbers_are_never_given_again(registry: Registry) -> None:
    publish(registry, 2)
    registry.delete_version("signs", 2, actor="me", reason="")
    assert registry.publish("signs", tiny_bytes(seed=1), actor="me").version == 3
    registry.delete_task("signs", actor="me", reason="")
    with pytest.raises(TaskUnknown):
        registry.task("signs")
    assert registry.tasks() == []
    assert registry.publish("signs", tiny_bytes(seed=1), actor="me").version == 4
    assert registry.task("signs").aliases == {}


def test_history_keeps_who_when_from_to_why(registry: Registry) -> None:
    publish(registry, 2)
    registry.promote("signs", "live", 1, actor="ann", reason="start")
    registry.promote("signs", "live", 2, actor="bob", reason="better")
    registry.rollback("signs", actor="cat", reason="worse")
    registry.delete_task("signs", actor="dan", reason="over")
    history = registry.history("signs")
    assert [record.kind for record in history] == ["published"] * 2 + ["alias"] * 3 + ["task-deleted"]
    moves = [r for r in history if isinstance(r, AliasMoved)]
    assert [(m.actor, m.before, m.after, m.reason, m.rollback) for m in moves] == [
        ("ann", None, 1, "start", False),
        ("bob", 1, 2, "better", False),
        ("cat", 2, 1, "worse", True),
    ]
    assert [record.at for record in history] == sorted(record.at for record in history)
    with pytest.raises(TaskUnknown):
        registry.history("nobody")


def test_changes_are_followed_with_a_cursor(registry: Registry) -> None:
    changes, cursor = registry.changes("$")
    assert changes == []
    publish(registry, 1)
    promote(registry, 1)
    changes, cursor = registry.changes(cursor)
    assert changes == [
        Change(kind="published", task="signs", version=1, alias=None),
        Change(kind="alias", task="signs", version=1, alias="live"),
    ]
    assert registry.changes(cursor) == ([], cursor)
    registry.unalias("signs", "live", actor="me", reason="")
    registry.delete_version("signs", 1, actor="me", reason="")
    changes, _ = registry.changes(cursor)
    assert changes == [
        Change(kind="alias", task="signs", version=None, alias="live"),
        Change(kind="deleted", task="signs", version=1, alias=None),
    ]
    assert len(registry.changes("0")[0]) == 4


def test_a_policy_is_a_change_as_it_says_what_int8_may_serve(registry: Registry) -> None:
    publish(registry, 1)
    _, cursor = registry.changes("$")
    registry.set_policy("signs", Policy(allow_int8=False), actor="ann", reason="")
    registry.annotate("signs", 1, note="tags and notes are none", actor="ann")
    assert registry.changes(cursor)[0] == [Change(kind="policy", task="signs", version=None, alias=None)]


def test_a_waiting_follower_hears_of_a_change_at_once(registry: Registry) -> None:
    _, cursor = registry.changes("$")
    heard: list[Change] = []
    follower = threading.Thread(target=lambda: heard.extend(registry.changes(cursor, block_ms=10_000)[0]))
    follower.start()
    publish(registry, 1)
    follower.join(timeout=10)
    assert [change.kind for change in heard] == ["published"]


def test_concurrent_publishers_and_promoters_agree(registry: Registry) -> None:
    """Ten threads publish ten bundles (two each the same) and move an alias; nothing is lost or given twice."""
    data = [tiny_bytes(seed=seed) for seed in range(5)] * 2
    barrier = threading.Barrier(len(data))
    versions: list[int] = []

    def work(index: int) -> None:
        barrier.wait(timeout=30)
        record = registry.publish("signs", data[index], actor=f"t{index}")
        registry.promote("signs", "live", record.version, actor=f"t{index}", reason="")
        versions.append(record.version)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(data))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(versions) == sorted([1, 2, 3, 4, 5] * 2)
    assert [record.version for record in registry.versions("signs")] == [1, 2, 3, 4, 5]
    moves = [record for record in registry.history("signs") if isinstance(record, AliasMoved)]
    assert [move.before for move in moves] == [None, *(move.after for move in moves[:-1])]
    before = contents(registry)
    registry.rebuild()
    assert contents(registry) == before


def _history(registry: Registry) -> None:
    publish(registry, 3)
    publish(registry, 2, task="digits")
    promote(registry, 1, 2, 3)
    registry.rollback("signs", actor="me", reason="")
    registry.delete_version("signs", 3, actor="me", reason="")
    registry.delete_task("digits", actor="me", reason="")


def test_rebuild_restores_the_index_from_records_alone(registry: Registry, redis_client: "redis.Redis") -> None:
    _history(registry)
    before = contents(registry)
    assert set(before) == {"signs", "digits"}
    redis_client.flushall()
    assert registry.tasks() == []
    assert registry.rebuild().tasks == 2
    assert contents(registry) == before
    registry.rebuild()
    assert contents(registry) == before


def test_the_method_of_a_version_survives_a_rebuild_and_goes_with_it(registry: Registry) -> None:
    publish(registry, 1)
    registry.publish("signs", encode(*random_bundle(method="batchnorm")), actor="me")
    for _ in range(2):
        assert [registry.task("signs").method(version) for version in (1, 2)] == ["nettailor", "batchnorm"]
        registry.rebuild()
    registry.delete_version("signs", 2, actor="me", reason="")
    assert registry.task("signs").methods == {}


def test_rebuild_drops_what_the_records_do_not_know(registry: Registry, redis_client: "redis.Redis") -> None:
    _history(registry)
    before = contents(registry)
    stray = Registry(Blobs(registry.blobs.store.url + "-elsewhere"), redis_client)
    stray.publish("stray", tiny_bytes(task="stray"), actor="me")
    redis_client.hset("nettailor:registry:aliases:signs", "live", 1)
    registry.rebuild()
    assert contents(registry) == before
    assert [task.task for task in registry.tasks()] == ["signs"]


def test_rebuild_tells_followers_to_look_again(registry: Registry) -> None:
    publish(registry, 1)
    promote(registry, 1)
    _, cursor = registry.changes("$")
    registry.rebuild()
    assert registry.changes(cursor)[0] == [Change(kind="alias", task="signs", version=None, alias="live")]


class _Killed(BaseException):
    """Stands for the writer's death at one point."""


def publish_and_die(registry: Registry, data: bytes) -> None:
    """A publish that ends between the record and the index."""

    def die(_: Record) -> int:
        raise _Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry.index, "apply", die)
        with pytest.raises(_Killed):
            registry.publish("signs", data, actor="dead")


def test_a_writer_that_dies_before_the_index_loses_nothing(registry: Registry) -> None:
    publish_and_die(registry, tiny_bytes())
    assert registry.tasks() == []
    assert registry.reconcile() == 1
    assert registry.version_record("signs", 1).digest in set(registry.blobs.digests())
    assert registry.reconcile() == 0


def test_the_next_writer_folds_in_what_a_dead_one_wrote(registry: Registry) -> None:
    publish_and_die(registry, tiny_bytes())
    assert registry.publish("signs", tiny_bytes(seed=1), actor="me").version == 2
    assert [record.actor for record in registry.versions("signs")] == ["dead", "me"]
    assert registry.publish("signs", tiny_bytes(), actor="me").version == 1


def test_an_empty_index_heals_at_the_next_write(registry: Registry, redis_client: "redis.Redis") -> None:
    publish(registry, 2)
    before = contents(registry)
    redis_client.flushall()
    assert registry.publish("signs", tiny_bytes(), actor="me").version == 1
    assert contents(registry) == before


def test_an_index_over_the_wrong_blobs_is_noticed(registry: Registry, redis_client: "redis.Redis") -> None:
    publish(registry, 1)
    elsewhere = Registry(Blobs(registry.blobs.store.url + "-elsewhere"), redis_client)
    with pytest.raises(RecordsBehind):
        elsewhere.publish("signs", tiny_bytes(seed=1), actor="me")


def test_without_redis_everything_says_so(tmp_path: Path) -> None:
    registry = Registry(Blobs(str(tmp_path)), connect(f"unix://{tmp_path}/nobody.sock"))
    calls: list[Callable[[], object]] = [
        lambda: registry.publish("signs", tiny_bytes(), actor="me"),
        lambda: registry.sequence("signs"),
        lambda: registry.check_not_deleted("signs", 0),
        lambda: registry.resolve("signs"),
        lambda: registry.version_record("signs", 1),
        lambda: registry.promote("signs", "live", 1, actor="me", reason=""),
        lambda: registry.rollback("signs", actor="me", reason=""),
        registry.tasks,
        lambda: registry.versions("signs"),
        lambda: registry.history("signs"),
        lambda: registry.delete_task("signs", actor="me", reason=""),
        lambda: registry.changes("0"),
        registry.rebuild,
    ]
    for call in calls:
        with pytest.raises(IndexUnavailable):
            call()
    assert list(registry.blobs.digests()) == []
