"""What later versions stand on is kept, whoever wants it gone."""

from pathlib import Path

import pytest
import redis

from nettailor.bundle.bundle import digest_of
from nettailor.errors import ChainLinkMissing, ChainOtherBackbone, ChainOverlaps
from registry.errors import PredecessorInUse, PredecessorUnknown
from registry.journal.claims import Claim
from registry.registry import Registry
from registry.storage.blobs import Blobs
from registry.versions.chains import newest_packed
from tests.bundles import ZERO_FINGERPRINT, tiny_bytes
from tests.chains import link_bytes

BIRDS = link_bytes("birds")
DOGS = link_bytes("dogs", after=digest_of(BIRDS), place=1)
CATS = link_bytes("cats", after=digest_of(DOGS), place=2)


@pytest.fixture
def registry(tmp_path: Path, redis_client: "redis.Redis") -> Registry:
    """With birds, dogs that stand on birds, cats that stand on dogs, and a task of another method."""
    registry = Registry(Blobs(str(tmp_path)), redis_client)
    for task, data in {"birds": BIRDS, "dogs": DOGS, "cats": CATS, "signs": tiny_bytes()}.items():
        registry.publish(task, data, actor="me")
    return registry


def test_a_version_is_read_with_all_that_it_stands_on(registry: Registry) -> None:
    found = registry.read_linked(registry.version_record("cats", 1))
    assert [link.manifest.task for link in found.chain] == ["birds", "dogs"]
    assert registry.read_linked(registry.version_record("signs", 1)).chain == ()


def test_a_version_that_others_stand_on_cannot_be_deleted(registry: Registry) -> None:
    with pytest.raises(PredecessorInUse) as caught:
        registry.delete_version("birds", 1, actor="me", reason="")
    assert caught.value.versions == ["cats v1", "dogs v1"]
    assert "part of cats v1, dogs v1; delete these first" in str(caught.value)
    for task in ("cats", "dogs", "birds"):
        registry.delete_version(task, 1, actor="me", reason="")
    registry.delete_version("signs", 1, actor="me", reason="")
    assert registry.tasks() == []


def test_neither_can_its_task(registry: Registry) -> None:
    with pytest.raises(PredecessorInUse) as caught:
        registry.delete_task("dogs", actor="me", reason="")
    assert caught.value.versions == ["cats v1"]
    own = link_bytes("cats", after=digest_of(CATS), place=3)
    registry.publish("cats", own, actor="me")  # stands on another version of its own task, which goes with it
    registry.delete_task("cats", actor="me", reason="")
    registry.delete_task("dogs", actor="me", reason="")
    assert [state.task for state in registry.tasks()] == ["birds", "signs"]


def test_a_version_that_a_job_stands_on_cannot_be_deleted(registry: Registry, redis_client: "redis.Redis") -> None:
    registry.claims.put(redis_client, Claim(job="7f3a", task="mice", digest=digest_of(CATS)))
    with pytest.raises(PredecessorInUse, match="what the job 7f3a of task 'mice' stands on; wait") as caught:
        registry.delete_version("cats", 1, actor="me", reason="")
    assert caught.value.versions == []
    with pytest.raises(PredecessorInUse, match="7f3a"):
        registry.delete_task("cats", actor="me", reason="")
    registry.claims.drop(redis_client, "7f3a")
    registry.delete_version("cats", 1, actor="me", reason="")


def test_a_job_of_the_same_task_ends_with_it(registry: Registry, redis_client: "redis.Redis") -> None:
    registry.claims.put(redis_client, Claim(job="7f3a", task="cats", digest=digest_of(CATS)))
    with pytest.raises(PredecessorInUse):
        registry.delete_version("cats", 1, actor="me", reason="")
    registry.delete_task("cats", actor="me", reason="")


def test_what_stands_on_no_version_is_not_published(registry: Registry) -> None:
    unknown = link_bytes("mice", after=digest_of(tiny_bytes(seed=9)), place=5)
    with pytest.raises(PredecessorUnknown, match=digest_of(tiny_bytes(seed=9))):
        registry.publish("mice", unknown, actor="me")
    other = link_bytes("mice", after=digest_of(tiny_bytes()), place=5)  # a version, and of another method
    with pytest.raises(PredecessorUnknown):
        registry.publish("mice", other, actor="me")
    assert not registry.blobs.exists(digest_of(unknown))


def test_a_chain_that_does_not_fit_is_not_published(registry: Registry) -> None:
    with pytest.raises(ChainOverlaps, match="belong to bundle"):
        registry.publish("mice", link_bytes("mice", after=digest_of(CATS), place=1), actor="me")
    elsewhere = link_bytes("mice", after=digest_of(CATS), place=5, fingerprint="1" * 64)
    with pytest.raises(ChainOtherBackbone):
        registry.publish("mice", elsewhere, actor="me")
    registry.blobs.delete(digest_of(BIRDS))
    with pytest.raises(ChainLinkMissing, match=digest_of(BIRDS)):
        registry.publish("mice", link_bytes("mice", after=digest_of(CATS), place=5), actor="me")


def test_what_a_version_stands_on_is_no_garbage_even_if_its_own_version_was_deleted_meanwhile(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "registry.registry.check_unneeded", lambda *_: None
    )  # two writers at once do not see each other
    for task in ("birds", "dogs"):
        registry.delete_task(task, actor="me", reason="")
    registry.collect_garbage(0, dry_run=False)
    assert [registry.blobs.exists(digest_of(data)) for data in (BIRDS, DOGS, CATS)] == [True] * 3
    assert len(registry.read_linked(registry.version_record("cats", 1)).chain) == 2
    registry.delete_task("cats", actor="me", reason="")
    registry.collect_garbage(0, dry_run=False)
    assert [registry.blobs.exists(digest_of(data)) for data in (BIRDS, DOGS, CATS)] == [False] * 3


def test_what_a_kept_bundle_stands_on_is_no_garbage(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.registry.check_unneeded", lambda *_: None)
    for task in ("birds", "dogs", "cats"):
        registry.delete_task(task, actor="me", reason="")
    registry.collect_garbage(0, dry_run=False, keep=lambda: {digest_of(DOGS)})
    assert [registry.blobs.exists(digest_of(data)) for data in (BIRDS, DOGS, CATS)] == [True, True, False]


def test_a_scrub_names_the_versions_that_miss_what_they_stand_on(registry: Registry) -> None:
    registry.blobs.delete(digest_of(BIRDS))
    found = {(fault.kind, fault.task, fault.where, fault.reason) for fault in registry.verify().faults}
    assert found == {
        ("missing", "birds", digest_of(BIRDS), "no such blob"),
        ("missing", "dogs", digest_of(BIRDS), "no such blob, what the bundle stands on"),
    }


def test_the_newest_of_a_backbone_is_followed_by_others(registry: Registry) -> None:
    def newest(task: str, fingerprint: str = ZERO_FINGERPRINT) -> str | None:
        found = newest_packed(registry.index, fingerprint=fingerprint, besides=task)
        return None if found is None else found.task

    assert newest("mice") == "cats"
    assert newest("cats") == "dogs"
    assert newest("mice", "1" * 64) is None
