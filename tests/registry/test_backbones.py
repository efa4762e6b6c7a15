"""Backbones in a registry: what is added is there for everybody, whatever dies or is lost in between."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import redis

from hosting.redis_server.embedded import EmbeddedRedis
from nettailor.bundle.bundle import digest_of, encode
from nettailor.errors import BackboneWeightsInvalid
from registry.errors import BackboneConflict, BackboneInUse, BackboneMissing, NameInvalid, TaskUnknown
from registry.journal.changes import Change
from registry.journal.records import BACKBONES, BackboneAdded
from registry.maintenance.scrub import Fault
from registry.registry import Registry
from registry.storage.blobs import Blobs
from tests.backbones import random_backbone_file
from tests.bundles import random_bundle

FILE, OTHER = random_backbone_file(), random_backbone_file(seed=1)


@pytest.fixture
def registry(tmp_path: Path, redis_client: "redis.Redis") -> Registry:
    return Registry(Blobs(str(tmp_path / "blobs")), redis_client)


def add(registry: Registry, name: str = "ours", data: bytes = FILE) -> BackboneAdded:
    return registry.add_backbone(name, data, actor="ann", note="of the lab")


def publish(registry: Registry, fingerprint: str) -> None:
    manifest, tensors = random_bundle(fingerprint=fingerprint)
    registry.publish("signs", encode(manifest, tensors), actor="me")


def test_what_is_added_is_there_by_name(registry: Registry) -> None:
    added = add(registry)
    assert (added.name, added.architecture, added.digest) == ("ours", "mini26", digest_of(FILE))
    assert (added.actor, added.note, added.size_bytes) == ("ann", "of the lab", len(FILE))
    assert registry.backbones.all() == [added]
    assert registry.backbones.named("ours") == added
    assert registry.backbones.read(added) == FILE
    with pytest.raises(BackboneMissing):
        registry.backbones.named("theirs")


def test_the_same_again_changes_nothing(registry: Registry) -> None:
    assert add(registry) == add(registry)
    assert len(registry.index.history(BACKBONES)) == 1


@pytest.mark.parametrize(
    ("name", "data", "fault"),
    [
        ("ours", OTHER, BackboneConflict),  # the name is taken
        ("theirs", FILE, BackboneConflict),  # the weights are
        ("resnet18", OTHER, BackboneConflict),  # an architecture's
        ("Ours/1", OTHER, NameInvalid),
        ("broken", FILE[:-4], BackboneWeightsInvalid),
    ],
)
def test_what_cannot_be_added_leaves_nothing(
    registry: Registry, name: str, data: bytes, fault: type[Exception]
) -> None:
    added = add(registry)
    with pytest.raises(fault):
        add(registry, name, data)
    assert registry.backbones.all() == [added]


def test_backbones_are_no_task(registry: Registry) -> None:
    add(registry)
    assert registry.tasks() == []
    for ask in (registry.task, registry.versions, registry.history):
        with pytest.raises(TaskUnknown):
            ask(BACKBONES)


def test_servers_hear_of_it(registry: Registry, redis_client: "redis.Redis") -> None:
    _, cursor = registry.changes("$")
    add(registry)
    registry.remove_backbone("ours", actor="ann", reason="")
    changed = Change(kind="backbones", task=BACKBONES, version=None, alias=None)
    changes, cursor = registry.changes(cursor)
    assert changes == [changed, changed]
    registry.rebuild()
    assert registry.changes(cursor)[0] == [changed]


def test_one_that_a_version_needs_is_not_removed(registry: Registry) -> None:
    publish(registry, add(registry).fingerprint)
    with pytest.raises(BackboneInUse, match="needed by signs v1"):
        registry.remove_backbone("ours", actor="ann", reason="")
    registry.delete_version("signs", 1, actor="ann", reason="")
    registry.remove_backbone("ours", actor="ann", reason="old")
    assert registry.backbones.all() == []
    with pytest.raises(BackboneMissing):
        registry.remove_backbone("ours", actor="ann", reason="")
    assert add(registry, "again").sequence == 3


def test_a_lost_index_is_rebuilt_of_the_records(registry: Registry, redis_client: "redis.Redis") -> None:
    added, gone = add(registry), add(registry, "gone", OTHER)
    registry.remove_backbone(gone.name, actor="ann", reason="")
    publish(registry, added.fingerprint)
    redis_client.flushall()
    assert registry.backbones.all() == []
    assert registry.rebuild().tasks == 1
    assert registry.backbones.all() == [added]
    with pytest.raises(BackboneInUse):
        registry.remove_backbone("ours", actor="ann", reason="")


def test_the_garbage_collection_keeps_it_until_it_is_removed(registry: Registry) -> None:
    added = add(registry)
    assert registry.collect_garbage(0).garbage == ()
    registry.remove_backbone("ours", actor="ann", reason="")
    assert [blob.digest for blob in registry.collect_garbage(0).garbage] == [added.digest]


def test_a_removed_one_that_a_version_needs_after_all_stays_on_the_disk(registry: Registry) -> None:
    """As when the version is published just while its backbone is being removed."""
    added = add(registry)
    registry.remove_backbone("ours", actor="ann", reason="")
    publish(registry, added.fingerprint)
    assert registry.collect_garbage(0).garbage == ()
    assert add(registry).digest == added.digest


def test_the_scrub_misses_a_file_that_is_gone(registry: Registry) -> None:
    added = add(registry)
    assert registry.verify().faults == ()
    registry.blobs.delete(added.digest)
    reason = "no such blob, the file of backbone ours"
    assert registry.verify().faults == (Fault(kind="missing", where=added.digest, reason=reason),)
    add(registry)
    assert registry.verify().faults == ()


_ADD = """
import os, signal, sys
from registry.journal import records, index
from registry.registry import Registry
from registry.storage.blobs import Blobs
from registry.wiring import connect
from tests.backbones import random_backbone_file

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

setattr({"record": records.Records, "index": index.Index}[sys.argv[1]], sys.argv[2], die)
with connect(sys.argv[4]) as client:
    Registry(Blobs(sys.argv[3]), client).add_backbone("ours", random_backbone_file(), actor="ann")
"""


def _killed_at(owner: str, step: str, registry: Registry, redis_server: EmbeddedRedis) -> None:
    command = [sys.executable, "-c", _ADD, owner, step, registry.blobs.store.url, redis_server.url]
    assert subprocess.run(command, check=False, timeout=60).returncode == -9


def test_killed_between_blob_and_record_it_was_not_added(registry: Registry, redis_server: EmbeddedRedis) -> None:
    _killed_at("record", "append", registry, redis_server)
    assert registry.blobs.exists(digest_of(FILE))
    assert registry.reconcile() == 0
    assert registry.backbones.all() == []
    assert [blob.digest for blob in registry.collect_garbage(0).garbage] == [digest_of(FILE)]
    added = add(registry)
    assert registry.backbones.all() == [added]


def test_killed_between_record_and_index_it_was(registry: Registry, redis_server: EmbeddedRedis) -> None:
    _killed_at("index", "apply", registry, redis_server)
    assert registry.backbones.all() == []
    assert registry.collect_garbage(0).garbage == ()
    assert registry.reconcile() == 1
    [added] = registry.backbones.all()
    assert registry.backbones.read(added) == FILE


def test_collected_between_blob_and_record_it_is_put_once_more(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply = registry.index.apply

    def collect_first(record: Any) -> int:
        registry.blobs.delete(digest_of(FILE))
        return apply(record)

    monkeypatch.setattr(registry.index, "apply", collect_first)
    assert registry.backbones.read(add(registry)) == FILE
