"""One record that cannot be read: its task says so, every other task goes on."""

from collections.abc import Callable
from typing import TypeAlias

import pytest
import redis

from registry.errors import RecordCorrupt, TaskUnknown
from registry.registry import Registry
from registry.storage.blobs import Blobs
from tests.bundles import tiny_bytes
from tests.registry.contents import contents
from tests.registry.corruption import write_unreadable

Restart: TypeAlias = Callable[[Registry], object]


@pytest.fixture
def key(registry: Registry, redis_client: "redis.Redis") -> str:
    """Of the unreadable record: the third of `signs`, which the index has not seen. Redis is lost, too."""
    for task in ("digits", "signs"):
        registry.publish(task, tiny_bytes(task=task), actor="me")
        registry.promote(task, "live", 1, actor="me", reason="")
    key = write_unreadable(registry.blobs, "signs", 3)
    redis_client.flushall()
    return key


# What every service does when it starts, and what people do when they doubt the index.
_AGAIN = pytest.mark.parametrize("again", [Registry.reconcile, Registry.rebuild])


@_AGAIN
def test_every_question_about_its_task_names_the_file(registry: Registry, key: str, again: Restart) -> None:
    again(registry)
    questions: list[Callable[[], object]] = [
        lambda: registry.task("signs"),
        lambda: registry.resolve("signs"),
        lambda: registry.version_record("signs", 1),
        lambda: registry.versions("signs"),
        lambda: registry.history("signs"),
        lambda: registry.policy("signs"),
        lambda: registry.described("signs"),
        lambda: registry.lineage("signs", 1),
        lambda: registry.sequence("signs"),
    ]
    for question in questions:
        with pytest.raises(RecordCorrupt) as caught:
            question()
        assert caught.value.key == key


@_AGAIN
def test_nothing_is_written_on_top_of_it(registry: Registry, key: str, again: Restart) -> None:
    again(registry)
    changes: list[Callable[[], object]] = [
        lambda: registry.publish("signs", tiny_bytes(seed=2), actor="me"),
        lambda: registry.promote("signs", "live", 1, actor="me", reason=""),
        lambda: registry.rollback("signs", actor="me", reason=""),
        lambda: registry.annotate("signs", 1, note="n", actor="me"),
        lambda: registry.set_policy("signs", None, actor="me", reason=""),
        lambda: registry.delete_version("signs", 1, actor="me", reason=""),
        lambda: registry.delete_task("signs", actor="me", reason=""),
    ]
    for change in changes:
        with pytest.raises(RecordCorrupt):
            change()
    assert registry.blobs.store.names("records/signs") == [f"{number:08d}.json" for number in (1, 2, 3)]


@_AGAIN
def test_all_other_tasks_go_on(registry: Registry, key: str, again: Restart) -> None:
    again(registry)
    assert registry.resolve("digits").version == 1
    assert registry.publish("digits", tiny_bytes(task="digits", seed=2), actor="me").version == 2
    assert [(task.task, task.unread is None) for task in registry.tasks()] == [("digits", True), ("signs", False)]
    with pytest.raises(TaskUnknown):
        registry.task("nobody")


def test_a_rebuild_says_what_it_left_out_and_keeps_the_file(registry: Registry, key: str) -> None:
    rebuilt = registry.rebuild()
    assert (rebuilt.tasks, [fault.key for fault in rebuilt.left_out]) == (1, [key])
    assert registry.blobs.store.exists(key)


def test_a_rebuild_keeps_what_a_sound_index_knows(registry: Registry) -> None:
    registry.publish("signs", tiny_bytes(), actor="me")
    registry.promote("signs", "live", 1, actor="me", reason="")
    before = contents(registry)
    write_unreadable(registry.blobs, "signs", 1)
    assert len(registry.rebuild().left_out) == 1
    assert contents(registry) == before
    assert registry.resolve("signs").version == 1


@_AGAIN
def test_once_the_file_is_gone_or_put_right_the_task_is_back(registry: Registry, key: str, again: Restart) -> None:
    again(registry)
    registry.blobs.store.delete(key)
    assert registry.publish("signs", tiny_bytes(seed=2), actor="me").version == 2
    assert registry.resolve("signs").version == 1
    assert registry.task("signs").unread is None


def test_a_restart_does_not_take_a_lost_record_for_the_end(registry: Registry, redis_client: "redis.Redis") -> None:
    for seed in range(3):
        registry.publish("signs", tiny_bytes(seed=seed), actor="me")
    registry.blobs.store.delete("records/signs/00000002.json")
    redis_client.flushall()
    registry.reconcile()
    for _ in range(2):
        with pytest.raises(RecordCorrupt, match="it is lost"):
            registry.publish("signs", tiny_bytes(seed=9), actor="me")


def test_a_record_that_only_the_index_cannot_parse_names_its_file(
    registry: Registry, redis_client: "redis.Redis"
) -> None:
    for task in ("digits", "signs"):
        registry.publish(task, tiny_bytes(task=task), actor="me")
    redis_client.hset("nettailor:registry:versions:signs", "1", '{"task":"signs","sequence":1,"kind":"of-tomorrow"}')
    with pytest.raises(RecordCorrupt) as caught:
        registry.versions("signs")
    assert caught.value.key == "records/signs/00000001.json"
    assert len(registry.versions("digits")) == 1


def test_another_process_knows_as_well(registry: Registry, key: str, redis_client: "redis.Redis") -> None:
    registry.reconcile()
    other = Registry(Blobs(registry.blobs.store.url), redis_client)
    with pytest.raises(RecordCorrupt, match=key):
        other.resolve("signs")
