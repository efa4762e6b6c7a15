import pytest

from registry.errors import TaskUnknown, VersionUnknown
from registry.journal.records import AliasMoved, TaskDeleted
from registry.registry import Registry
from registry.versions.lineage import Period
from tests.registry.published import bundle_bytes, manifest, publish


def test_everything_that_led_to_a_bundle_in_one_call(registry: Registry) -> None:
    made = manifest(seed=7)
    record = registry.publish("signs", bundle_bytes(made), actor="ann", job="j1", note="first")
    registry.annotate("signs", 1, tags={"stage": "qa"}, actor="me")
    found = registry.lineage("signs", 1)
    assert found.record == record
    assert (record.actor, record.job, record.manifest) == ("ann", "j1", made)
    assert (found.annotation.tags, found.annotation.note) == ({"stage": "qa"}, "first")
    assert (found.aliases, found.live) == ((), ())


def test_when_it_was_live(registry: Registry) -> None:
    publish(registry, 0.9, 0.9)
    for version in (1, 2, 1):
        registry.promote("signs", "live", version, actor="me", reason="")
    registry.promote("signs", "stable", 1, actor="me", reason="")
    registry.promote("signs", "candidate", 1, actor="me", reason="")
    registry.unalias("signs", "candidate", actor="me", reason="")
    one, two, three = [r.at for r in registry.history("signs") if isinstance(r, AliasMoved) and r.alias == "live"]
    first, second = registry.lineage("signs", 1), registry.lineage("signs", 2)
    assert first.aliases == ("live", "stable")
    assert first.live == (Period(since=one, until=two), Period(since=three, until=None))
    assert (second.aliases, second.live) == ((), (Period(since=two, until=three),))


def test_a_deleted_task_ends_what_was_live(registry: Registry) -> None:
    publish(registry, 0.9)
    registry.promote("signs", "live", 1, actor="me", reason="")
    registry.delete_task("signs", actor="me", reason="")
    with pytest.raises(TaskUnknown):
        registry.lineage("signs", 1)
    publish(registry, 0.9)
    registry.promote("signs", "live", 2, actor="me", reason="")
    history = registry.history("signs")
    assert any(isinstance(record, TaskDeleted) for record in history)
    assert registry.lineage("signs", 2).live == (Period(since=history[-1].at, until=None),)
    with pytest.raises(VersionUnknown):
        registry.lineage("signs", 1)
