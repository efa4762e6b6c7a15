"""What may go live: policies, evidence, force."""

import json
import threading

import pytest
import redis

from registry.errors import ForceWithoutReason, PolicyViolated, TaskUnknown
from registry.journal.records import AliasMoved, PolicySet, parse_record
from registry.policy.policy import Policy
from registry.policy.policy_check import Measurement
from registry.registry import Registry
from tests.registry.contents import contents
from tests.registry.published import publish

STRICT = Policy(min_accuracy=0.5, max_drop=0.01)


def promote(registry: Registry, version: int, *, alias: str = "live", force: bool = False, reason: str = "") -> None:
    registry.promote("signs", alias, version, actor="me", reason=reason, force=force)


def last_move(registry: Registry) -> AliasMoved:
    return [record for record in registry.history("signs") if isinstance(record, AliasMoved)][-1]


def test_a_policy_is_set_read_replaced_and_cleared(registry: Registry) -> None:
    with pytest.raises(TaskUnknown):
        registry.set_policy("signs", STRICT, actor="ann", reason="")
    publish(registry, 0.9)
    assert (registry.policy("signs"), registry.policy_record("signs")) == (None, None)
    assert registry.policy("signs", default=STRICT) == STRICT

    registry.set_policy("signs", STRICT, actor="ann", reason="for production")
    record = registry.policy_record("signs")
    assert record is not None
    assert (record.policy, record.actor, record.reason) == (STRICT, "ann", "for production")
    registry.set_policy("signs", Policy(), actor="bob", reason="")
    assert registry.policy("signs", default=STRICT) == Policy()
    registry.set_policy("signs", None, actor="cat", reason="")
    assert registry.policy("signs", default=STRICT) == STRICT
    set_by = [record.actor for record in registry.history("signs") if isinstance(record, PolicySet)]
    assert set_by == ["ann", "bob", "cat"]


def test_a_policy_on_int8_alone_leaves_the_rest_to_the_default(registry: Registry) -> None:
    publish(registry, 0.9)
    registry.set_policy("signs", Policy(allow_int8=False), actor="ann", reason="")
    assert registry.policy("signs", default=STRICT) == Policy(min_accuracy=0.5, max_drop=0.01, allow_int8=False)
    assert registry.policy("signs") == Policy(allow_int8=False)
    registry.set_policy("signs", Policy(max_macs=0.5, max_int8_drop=0.01), actor="ann", reason="")
    assert registry.policy("signs", default=STRICT) == Policy(max_macs=0.5, max_int8_drop=0.01)


def test_setting_what_is_set_is_no_news(registry: Registry) -> None:
    publish(registry, 0.9)
    registry.set_policy("signs", None, actor="ann", reason="")
    registry.set_policy("signs", STRICT, actor="ann", reason="")
    again = registry.set_policy("signs", STRICT, actor="bob", reason="")
    assert again.actor == "ann"
    assert [record.kind for record in registry.history("signs")] == ["published", "policy"]


def test_a_version_that_fails_the_policy_does_not_go_live(registry: Registry) -> None:
    publish(registry, 0.9, 0.88)
    promote(registry, 1)
    registry.set_policy("signs", STRICT, actor="ann", reason="")
    before = contents(registry)
    with pytest.raises(PolicyViolated, match=r"90.00% of live version 1") as caught:
        promote(registry, 2)
    evidence = caught.value.evidence
    assert (evidence.version, evidence.live) == (2, 1)
    assert [(check.name, check.required, check.passed) for check in evidence.checks] == [
        ("min_accuracy", 0.5, True),
        ("max_drop", 0.01, False),
    ]
    assert contents(registry) == before


def test_a_version_that_passes_goes_live_with_its_evidence(registry: Registry) -> None:
    publish(registry, 0.9, 0.895)
    registry.set_policy("signs", STRICT, actor="ann", reason="")
    promote(registry, 1)
    change = registry.promote("signs", "live", 2, actor="me", reason="")
    assert (change.after, change.forced) == (2, False)
    assert change.evidence is not None
    assert change.evidence.passed
    assert last_move(registry).evidence == change.evidence


def test_force_needs_a_reason_and_is_kept_in_the_history(registry: Registry) -> None:
    publish(registry, 0.9, 0.2)
    promote(registry, 1)
    registry.set_policy("signs", STRICT, actor="ann", reason="")
    for reason in ("", "  "):
        with pytest.raises(ForceWithoutReason):
            promote(registry, 2, force=True, reason=reason)
    promote(registry, 2, force=True, reason="the old one leaks")
    move = last_move(registry)
    assert (move.after, move.forced, move.reason) == (2, True, "the old one leaks")
    assert move.evidence is not None
    assert [check.passed for check in move.evidence.checks] == [False, False]


def test_force_that_was_not_needed_is_not_called_force(registry: Registry) -> None:
    publish(registry, 0.9)
    registry.set_policy("signs", STRICT, actor="ann", reason="")
    promote(registry, 1, force=True, reason="to be sure")
    assert not last_move(registry).forced


def test_the_policy_covers_live_only(registry: Registry) -> None:
    publish(registry, 0.9, 0.2)
    registry.set_policy("signs", STRICT, actor="ann", reason="")
    promote(registry, 2, alias="candidate")
    assert last_move(registry).evidence is None


def test_without_a_policy_people_decide(registry: Registry) -> None:
    publish(registry, 0.9, 0.2)
    promote(registry, 1)
    promote(registry, 2)
    assert last_move(registry).evidence is None


def test_what_is_live_stays_live_under_a_new_policy(registry: Registry) -> None:
    publish(registry, 0.2)
    promote(registry, 1)
    registry.set_policy("signs", STRICT, actor="ann", reason="")
    promote(registry, 1)  # no news, so nothing is asked
    assert registry.task("signs").aliases == {"live": 1}


def test_a_rollback_is_never_refused(registry: Registry) -> None:
    publish(registry, 0.2, 0.9)
    promote(registry, 1)
    promote(registry, 2)
    registry.set_policy("signs", STRICT, actor="ann", reason="")
    assert registry.rollback("signs", actor="me", reason="it misbehaves").after == 1
    promote(registry, 2)
    with pytest.raises(PolicyViolated):  # a promote to the same version is
        promote(registry, 1)


def test_the_callers_default_and_measurement_count(registry: Registry) -> None:
    publish(registry, 0.99)
    publish(registry, 0.8, dataset="new")
    promote(registry, 1)
    new = registry.version_record("signs", 2).manifest.dataset
    measured = Measurement(version=1, dataset=new, accuracy=0.8)
    default = Policy(max_drop=0.005)
    with pytest.raises(PolicyViolated, match="no comparison is possible"):
        registry.promote("signs", "live", 2, actor="me", reason="", default=default)
    change = registry.promote("signs", "live", 2, actor="me", reason="", default=default, measured=measured)
    assert change.after == 2
    registry.rollback("signs", actor="me", reason="")
    registry.set_policy("signs", Policy(min_accuracy=0.95), actor="ann", reason="")
    with pytest.raises(PolicyViolated, match="at least 95"):
        registry.promote("signs", "live", 2, actor="me", reason="", default=default, measured=measured)


def test_policy_and_evidence_survive_a_rebuild(registry: Registry, redis_client: "redis.Redis") -> None:
    publish(registry, 0.9, 0.2)
    registry.set_policy("signs", STRICT, actor="ann", reason="")
    promote(registry, 1)
    promote(registry, 2, force=True, reason="because")
    before, record = contents(registry), registry.policy_record("signs")
    redis_client.flushall()
    registry.rebuild()
    assert contents(registry) == before
    assert registry.policy_record("signs") == record
    registry.delete_task("signs", actor="me", reason="")
    publish(registry, 0.9)
    assert registry.policy("signs") is None


def test_records_of_older_releases_are_still_read() -> None:
    old = {
        "task": "signs",
        "sequence": 2,
        "at": "2026-11-23T06:00:00.000000+00:00",
        "actor": "me",
        "kind": "alias",
        "alias": "live",
        "before": None,
        "after": 1,
        "rollback": False,
        "reason": "",
    }
    record = parse_record(json.dumps(old))
    assert isinstance(record, AliasMoved)
    assert (record.evidence, record.forced) == (None, False)


def test_a_policy_set_meanwhile_is_asked(registry: Registry) -> None:
    """Ten promotes of a bad version race with the policy that forbids it: none follows it in the history."""
    publish(registry, 0.9, 0.2)
    barrier = threading.Barrier(11)
    refused: list[bool] = []

    def work() -> None:
        barrier.wait(timeout=30)
        for version in (2, 1):
            try:
                promote(registry, version)
            except PolicyViolated:
                refused.append(True)

    def forbid() -> None:
        barrier.wait(timeout=30)
        registry.set_policy("signs", Policy(min_accuracy=0.5), actor="ann", reason="")

    threads = [threading.Thread(target=target) for target in [work] * 10 + [forbid]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    history = registry.history("signs")
    since = next(index for index, record in enumerate(history) if isinstance(record, PolicySet))
    later = [record.after for record in history[since:] if isinstance(record, AliasMoved)]
    assert set(later) <= {1}
    with pytest.raises(PolicyViolated):
        promote(registry, 2)
