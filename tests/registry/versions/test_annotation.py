import pytest
import redis

from registry.errors import NameInvalid, TagInvalid, TagsTooMany, TaskUnknown, VersionUnknown
from registry.journal.records import VersionAnnotated
from registry.registry import Registry
from registry.versions.annotation import TAG_CHARACTERS, TAG_LIMIT, Annotation
from tests.bundles import tiny_bytes
from tests.registry.contents import contents
from tests.registry.published import publish


def test_tags_and_note_change_after_publishing(registry: Registry) -> None:
    registry.publish("signs", tiny_bytes(), actor="me", note="first try")
    assert registry.annotation("signs", 1) == Annotation(note="first try")
    registry.annotate("signs", 1, tags={"stage": "qa", "camera": "left"}, actor="ann")
    after = registry.annotate("signs", 1, tags={"stage": "done", "camera": None}, note="good", actor="bob")
    assert after == Annotation(tags={"stage": "done"}, note="good") == registry.annotation("signs", 1)
    assert registry.version_record("signs", 1).note == "first try"  # the version itself is immutable


def test_the_history_keeps_who_said_what(registry: Registry) -> None:
    publish(registry, 0.9)
    registry.annotate("signs", 1, tags={"stage": "qa"}, actor="ann")
    registry.annotate("signs", 1, tags={"stage": "qa"}, actor="bob")  # no news
    registry.annotate("signs", 1, note="good", actor="cat")
    said = [record for record in registry.history("signs") if isinstance(record, VersionAnnotated)]
    assert [(record.actor, record.tags, record.note) for record in said] == [
        ("ann", {"stage": "qa"}, ""),
        ("cat", {"stage": "qa"}, "good"),
    ]


def test_versions_are_found_by_their_tags(registry: Registry) -> None:
    publish(registry, 0.9, 0.9, 0.9)
    registry.annotate("signs", 1, tags={"stage": "qa", "camera": "left"}, actor="me")
    registry.annotate("signs", 2, tags={"stage": "qa"}, actor="me")
    registry.annotate("signs", 3, tags={"stage": ""}, actor="me")

    def found(*tags: tuple[str, str | None]) -> list[int]:
        return [record.version for record, _ in registry.described("signs", tags=tags)]

    assert found() == [1, 2, 3]
    assert found(("stage", "qa")) == [1, 2]
    assert found(("stage", None)) == [1, 2, 3]
    assert found(("stage", "")) == [3]
    assert found(("stage", "qa"), ("camera", "left")) == [1]
    assert found(("nothing", None)) == []
    assert registry.described("signs")[1][1] == Annotation(tags={"stage": "qa"})


def test_what_cannot_be_said(registry: Registry) -> None:
    with pytest.raises(TaskUnknown):
        registry.annotate("signs", 1, note="x", actor="me")
    publish(registry, 0.9)
    with pytest.raises(VersionUnknown):
        registry.annotate("signs", 2, note="x", actor="me")
    for name in ("", "A", "a=b", "-a", "a" * 64):
        with pytest.raises(NameInvalid):
            registry.annotate("signs", 1, tags={name: "x"}, actor="me")
    with pytest.raises(TagInvalid):
        registry.annotate("signs", 1, tags={"a": "x" * (TAG_CHARACTERS + 1)}, actor="me")
    registry.annotate("signs", 1, tags={f"t{number}": "" for number in range(TAG_LIMIT)}, actor="me")
    with pytest.raises(TagsTooMany):
        registry.annotate("signs", 1, tags={"one-more": ""}, actor="me")
    registry.annotate("signs", 1, tags={"t0": None, "one-more": ""}, actor="me")


def test_annotations_survive_a_rebuild_and_go_with_their_version(
    registry: Registry, redis_client: "redis.Redis"
) -> None:
    publish(registry, 0.9, 0.9)
    for version in (1, 2):
        registry.annotate("signs", version, tags={"stage": "qa"}, note=f"number {version}", actor="me")
    before, said = contents(registry), registry.described("signs")
    redis_client.flushall()
    registry.rebuild()
    assert contents(registry) == before
    assert registry.described("signs") == said
    registry.delete_version("signs", 1, actor="me", reason="")
    assert set(registry.index.annotations("signs")) == {2}
    registry.delete_task("signs", actor="me", reason="")
    assert registry.index.annotations("signs") == {}


def test_followers_are_not_woken_by_what_changes_nothing_for_them(registry: Registry) -> None:
    publish(registry, 0.9)
    _, cursor = registry.changes("$")
    registry.annotate("signs", 1, tags={"stage": "qa"}, actor="me")
    assert registry.changes(cursor) == ([], cursor)
