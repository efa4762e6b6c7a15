"""What the garbage collection takes, and what it never takes."""

import os
from pathlib import Path

import pytest
import redis

from nettailor.bundle.bundle import encode
from registry.errors import IndexUnavailable, RecordCorrupt
from registry.journal.records import Record
from registry.registry import Registry
from registry.storage.blobs import Blobs
from registry.wiring import connect
from tests.bundles import random_bundle, tiny_bytes
from tests.registry.corruption import write_unreadable

HOUR_S = 3600.0


def publish(registry: Registry, seed: int, task: str = "signs") -> str:
    return registry.publish(task, tiny_bytes(task=task, seed=seed), actor="me").digest


def delete(registry: Registry, version: int) -> None:
    registry.delete_version("signs", version, actor="me", reason="")


def age(blobs: Blobs, digest: str) -> None:
    """Make a blob in a folder two hours old."""
    name = digest.removeprefix("sha256:")
    path = Path(blobs.store.url) / "sha256" / name[:2] / name
    then = path.stat().st_mtime - 2 * HOUR_S
    os.utime(path, (then, then))


def test_a_dry_run_is_the_default_and_only_says(registry: Registry) -> None:
    kept, gone = publish(registry, 0), publish(registry, 1)
    delete(registry, 2)
    steps: list[tuple[int, int]] = []
    found = registry.collect_garbage(0, progress=lambda done, total: steps.append((done, total)))
    assert [blob.digest for blob in found.garbage] == [gone]
    assert (found.size_bytes, found.named, found.young, found.deleted) == (len(tiny_bytes(seed=1)), 1, 0, False)
    assert set(registry.blobs.digests()) == {kept, gone}
    assert steps == [(1, 2), (2, 2)]


def test_what_nothing_names_goes_and_the_rest_stays(registry: Registry) -> None:
    live, old, gone = (publish(registry, seed) for seed in range(3))
    other = publish(registry, 0, task="digits")
    for version in (1, 2):
        registry.promote("signs", "live", version, actor="me", reason="")
    delete(registry, 3)
    upload = registry.blobs.put(b"an upload")
    stray = registry.blobs.put(b"of a publisher that died")
    found = registry.collect_garbage(0, dry_run=False, keep=[upload])
    assert {blob.digest for blob in found.garbage} == {gone, stray}
    assert found.deleted
    assert set(registry.blobs.digests()) == {live, old, other, upload}
    assert registry.rollback("signs", actor="me", reason="").after == 1
    registry.delete_task("digits", actor="me", reason="")
    assert [blob.digest for blob in registry.collect_garbage(0, keep=lambda: [upload]).garbage] == [other]


def test_the_dataset_of_an_existing_version_stays(registry: Registry) -> None:
    content = b"a frozen dataset"
    digest = registry.blobs.put(content)
    manifest, tensors = random_bundle()
    data = encode(manifest.model_copy(update={"dataset": digest}), tensors)
    registry.publish("signs", data, actor="me")
    assert registry.collect_garbage(0).garbage == ()
    delete(registry, 1)
    assert digest in {blob.digest for blob in registry.collect_garbage(0).garbage}


def test_the_young_stay(registry: Registry) -> None:
    stray = registry.blobs.put(b"to be named any moment")
    found = registry.collect_garbage(HOUR_S, dry_run=False)
    assert (found.garbage, found.young) == ((), 1)
    assert registry.blobs.exists(stray)


def test_put_again_is_young_again(tmp_path: Path, redis_client: "redis.Redis") -> None:
    """A publisher may put the very bytes that are being collected, after the second look at what is named."""
    registry = Registry(Blobs(str(tmp_path)), redis_client)
    digest, stray = publish(registry, 0), registry.blobs.put(b"stray")
    delete(registry, 1)
    for blob in (digest, stray):
        age(registry.blobs, blob)
    looks = []

    def publish_late() -> list[str]:
        looks.append(1)
        if len(looks) == 2:
            assert publish(registry, 0) == digest
        return []

    found = registry.collect_garbage(HOUR_S, dry_run=False, keep=publish_late)
    assert [blob.digest for blob in found.garbage] == [stray]
    assert registry.read_bundle(registry.version_record("signs", 2)) == tiny_bytes()


def test_collected_between_blob_and_record_it_is_put_once_more(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply = registry.index.apply

    def collect_first(record: Record) -> int:
        for digest in registry.blobs.digests():
            registry.blobs.delete(digest)
        return apply(record)

    monkeypatch.setattr(registry.index, "apply", collect_first)
    publish(registry, 0)
    assert registry.read_bundle(registry.version_record("signs", 1)) == tiny_bytes()


def test_a_lost_index_makes_no_garbage(registry: Registry, redis_client: "redis.Redis") -> None:
    digest = publish(registry, 0)
    redis_client.flushall()
    registry.collect_garbage(0, dry_run=False)
    assert registry.blobs.exists(digest)


def test_lost_records_that_the_index_still_knows_make_none_either(registry: Registry) -> None:
    digest = publish(registry, 0)
    registry.blobs.store.delete("records/signs/00000001.json")
    registry.collect_garbage(0, dry_run=False)
    assert registry.blobs.exists(digest)


@pytest.mark.parametrize("damage", ["corrupt", "lost"])
def test_a_record_that_cannot_be_read_stops_it(registry: Registry, redis_client: "redis.Redis", damage: str) -> None:
    digests = {publish(registry, seed) for seed in range(3)}
    redis_client.flushall()
    key = "records/signs/00000002.json"
    if damage == "lost":
        registry.blobs.store.delete(key)
    else:
        registry.blobs.store.write(key, b"{}")
    with pytest.raises(RecordCorrupt):
        registry.collect_garbage(0, dry_run=False)
    assert [fault.key for fault in registry.rebuild().left_out] == [key]
    assert set(registry.blobs.digests()) == digests


def test_a_record_that_nobody_understands_keeps_what_it_names(registry: Registry, redis_client: "redis.Redis") -> None:
    kept = publish(registry, 0)
    named = registry.blobs.put(b"what the record is about")
    stray = registry.blobs.put(b"what no record is about")
    write_unreadable(registry.blobs, "signs", 2, bundle=named)
    redis_client.flushall()
    registry.reconcile()
    registry.collect_garbage(0, dry_run=False)
    assert [registry.blobs.exists(digest) for digest in (kept, named, stray)] == [True, True, False]


def test_a_version_that_the_index_cannot_parse_keeps_its_bundle(
    registry: Registry, redis_client: "redis.Redis"
) -> None:
    digest = publish(registry, 0)
    registry.blobs.store.delete("records/signs/00000001.json")
    redis_client.hset("nettailor:registry:versions:signs", "1", f'{{"kind":"of-tomorrow","digest":"{digest}"}}')
    registry.collect_garbage(0, dry_run=False)
    assert registry.blobs.exists(digest)


def test_without_redis_nothing_goes(tmp_path: Path) -> None:
    registry = Registry(Blobs(str(tmp_path)), connect(f"unix://{tmp_path}/nobody.sock"))
    stray = registry.blobs.put(b"stray")
    with pytest.raises(IndexUnavailable):
        registry.collect_garbage(0, dry_run=False)
    assert registry.blobs.exists(stray)
