"""A task that was deleted stays deleted: what was begun before is not published, whoever is first or dies meanwhile."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import redis

from registry.errors import TaskUnknown, TaskWasDeleted
from registry.journal.deletion import Since, deletion_after
from registry.journal.records import AliasMoved, Record, TaskDeleted
from registry.registry import Registry
from registry.storage.blobs import Blobs
from tests.bundles import tiny_bytes

BEGAN = datetime(2026, 11, 23, tzinfo=UTC)


def deleted(sequence: int, *, seconds: float = 0.0) -> TaskDeleted:
    at = (BEGAN + timedelta(seconds=seconds)).isoformat(timespec="microseconds")
    return TaskDeleted(task="signs", sequence=sequence, at=at, actor="me", reason="")


def moved(sequence: int, *, seconds: float = 0.0) -> AliasMoved:
    at = (BEGAN + timedelta(seconds=seconds)).isoformat(timespec="microseconds")
    return AliasMoved(
        task="signs", sequence=sequence, at=at, actor="me", alias="live", before=1, after=2, rollback=False, reason=""
    )


def begun(registry: Registry, *, numbered: bool) -> Since:
    return registry.sequence("signs") if numbered else datetime.now(UTC)


def publish(registry: Registry, seed: int = 0, since: Since | None = None) -> int:
    return registry.publish("signs", tiny_bytes(seed=seed), actor="me", since=since).version


def delete(registry: Registry) -> None:
    registry.delete_task("signs", actor="ann", reason="over")


@pytest.mark.parametrize("since", [3, BEGAN])
def test_the_records_after_a_number_or_a_time_count(since: Since) -> None:
    earlier: list[Record] = [moved(3, seconds=-1), deleted(2, seconds=-2)]
    assert deletion_after(earlier, since) is None
    assert deletion_after([], since) is None
    assert deletion_after([moved(5, seconds=2), moved(4, seconds=1), *earlier], since) is None
    last = deleted(6, seconds=3)
    assert deletion_after([moved(7, seconds=4), last, moved(5, seconds=2), *earlier], since) == last


def test_at_the_very_time_of_a_deletion_it_counts() -> None:
    assert deletion_after([deleted(1)], BEGAN) == deleted(1)
    assert deletion_after([deleted(1)], BEGAN + timedelta(microseconds=1)) is None


def test_no_more_is_read_than_it_takes() -> None:
    def endless() -> Iterator[Record]:
        yield moved(5)
        yield moved(4)
        raise AssertionError("went on")

    assert deletion_after(endless(), 4) is None


@pytest.mark.parametrize("numbered", [True, False])
def test_what_was_begun_before_the_deletion_is_refused(registry: Registry, numbered: bool) -> None:
    publish(registry)
    since = begun(registry, numbered=numbered)
    assert publish(registry, 1, since) == 2
    delete(registry)
    for seed in (0, 1, 2):  # those that were versions already, and a new one
        with pytest.raises(TaskWasDeleted, match=r"'signs' was deleted by ann at 2.* \(over\)"):
            publish(registry, seed, since)
    with pytest.raises(TaskUnknown):
        registry.task("signs")
    assert registry.history("signs")[-1].kind == "task-deleted"


@pytest.mark.parametrize("numbered", [True, False])
def test_what_is_begun_after_it_makes_the_task_anew(registry: Registry, numbered: bool) -> None:
    publish(registry)
    old = begun(registry, numbered=numbered)
    delete(registry)
    new = begun(registry, numbered=numbered)
    assert publish(registry, 1, new) == 2
    with pytest.raises(TaskWasDeleted):  # the task is there, but not for this
        publish(registry, 2, old)
    with pytest.raises(TaskWasDeleted):  # not even where the bytes are a version already
        publish(registry, 1, old)
    assert publish(registry, 2) == 3  # somebody's own act
    assert [record.version for record in registry.versions("signs")] == [2, 3]


def test_a_task_without_any_history(registry: Registry) -> None:
    assert registry.sequence("signs") == 0
    assert publish(registry, 0, 0) == 1
    assert registry.sequence("signs") == 1


def test_a_deletion_in_the_instant_of_the_publish_is_seen(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is decided, and before the record is written, the deletion's is."""
    publish(registry)
    since, append = registry.sequence("signs"), registry._records.append

    def append_second(record: Record) -> bool:
        monkeypatch.setattr(registry._records, "append", append)
        delete(registry)
        return append(record)

    monkeypatch.setattr(registry._records, "append", append_second)
    with pytest.raises(TaskWasDeleted):
        publish(registry, 1, since)
    assert registry.tasks() == []


class _Killed(BaseException):
    """Stands for the death of the process that deletes, between its record and the index."""


def delete_and_die(registry: Registry) -> None:
    def die(_: Record) -> int:
        raise _Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry.index, "apply", die)
        with pytest.raises(_Killed):
            delete(registry)


def test_a_deletion_that_the_index_has_not_seen_counts(registry: Registry) -> None:
    publish(registry)
    since = registry.sequence("signs")
    delete_and_die(registry)
    assert registry.task("signs").latest == 1  # so it seems
    with pytest.raises(TaskWasDeleted):
        publish(registry, 1, since)
    assert registry.tasks() == []


def test_what_is_begun_after_a_deletion_that_the_index_has_not_seen(registry: Registry) -> None:
    publish(registry)
    delete_and_die(registry)
    since = registry.sequence("signs")
    assert since == 2
    assert publish(registry, 1, since) == 2


@pytest.mark.parametrize("lose", ["before", "while"])
def test_an_index_that_loses_everything(
    registry: Registry, redis_client: "redis.Redis", monkeypatch: pytest.MonkeyPatch, lose: str
) -> None:
    """Before the publish, or after it has looked at the task's state and before it looks at the history."""
    publish(registry)
    since = registry.sequence("signs")
    delete(registry)
    if lose == "before":
        redis_client.flushall()
    else:
        newest_first = registry.index.newest_first

        def lost(task: str, *, after: int = 0) -> Iterator[Record]:
            monkeypatch.setattr(registry.index, "newest_first", newest_first)
            redis_client.flushall()
            return newest_first(task, after=after)

        monkeypatch.setattr(registry.index, "newest_first", lost)
    with pytest.raises(TaskWasDeleted):
        publish(registry, 1, since)
    assert registry.tasks() == []


def test_of_many_at_once_none_comes_after_the_deletion(blobs: Blobs, redis_client: "redis.Redis") -> None:
    """Each of ten threads with a registry of its own, one of which deletes the task."""
    registries = [Registry(blobs, redis_client) for _ in range(10)]
    publish(registries[0])
    since = registries[0].sequence("signs")
    barrier = threading.Barrier(len(registries))
    refused: list[int] = []

    def publish_one(index: int) -> None:
        try:
            publish(registries[index], index, since)
        except TaskWasDeleted:
            refused.append(index)

    def run(index: int) -> None:
        barrier.wait(timeout=30)
        if index:
            publish_one(index)
        else:
            delete(registries[0])

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(registries))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    history = registries[0].history("signs")
    assert history[-1].kind == "task-deleted"
    assert len(history) + len(refused) == 1 + len(registries)
