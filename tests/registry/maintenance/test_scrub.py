import tracemalloc
from pathlib import Path

import pytest
import redis

from registry.maintenance.scrub import Fault
from registry.registry import Registry
from registry.storage.blobs import Blobs
from tests.bundles import tiny_bytes
from tests.registry.corruption import corrupt


def publish(registry: Registry, count: int) -> list[str]:
    """The digests."""
    return [registry.publish("signs", tiny_bytes(seed=seed), actor="me").digest for seed in range(count)]


def test_a_sound_registry(registry: Registry) -> None:
    digests = publish(registry, 3)
    registry.promote("signs", "live", 1, actor="me", reason="")
    registry.delete_version("signs", 3, actor="me", reason="")
    extra = registry.blobs.put(b"an upload")
    steps: list[tuple[int, int]] = []
    report = registry.verify(lambda done, total: steps.append((done, total)))
    assert (report.blobs, report.records, report.versions, report.faults) == (4, 5, 2, ())
    assert report.blob_bytes == sum(map(registry.blobs.size_bytes, [*digests, extra]))
    assert steps == [(done, 9) for done in range(1, 10)]


def test_corrupt_and_missing_blobs_are_told_apart(registry: Registry) -> None:
    first, second, third = publish(registry, 3)
    corrupt(registry.blobs, first)
    registry.blobs.delete(second)
    faults = registry.verify().faults
    assert [(fault.kind, fault.where, fault.task, fault.version) for fault in faults] == [
        ("corrupt", first, None, None),
        ("missing", first, "signs", 1),
        ("missing", second, "signs", 2),
    ]
    assert [kept.digest for kept in registry.blobs.quarantine] == [first]
    publish(registry, 2)
    report = registry.verify()
    assert (report.blobs, report.faults) == (3, ())
    assert registry.blobs.exists(third)


def test_damaged_and_lost_records_are_named_and_stay(registry: Registry) -> None:
    publish(registry, 3)
    store = registry.blobs.store
    store.write("records/signs/00000001.json", b"{}")
    store.delete("records/signs/00000002.json")
    report = registry.verify()
    assert report.faults == (
        Fault(kind="record", where="records/signs/00000001.json", reason="not a nettailor-record/1"),
        Fault(kind="record", where="records/signs/00000002.json", reason="it is lost; later ones are there"),
    )
    assert (report.records, report.versions) == (1, 1)
    assert store.read("records/signs/00000001.json") == b"{}"


def test_it_needs_no_redis(registry: Registry, redis_client: "redis.Redis") -> None:
    publish(registry, 1)
    redis_client.flushall()
    assert registry.verify().versions == 1


def test_large_blobs_are_never_in_memory_whole(tmp_path: Path, redis_client: "redis.Redis") -> None:
    blobs = Blobs(str(tmp_path / "blobs"))
    source = tmp_path / "large"
    with source.open("wb") as file:
        file.truncate(64 << 20)
    blobs.put(source)
    tracemalloc.start()
    try:
        assert Registry(blobs, redis_client).verify().blob_bytes == 64 << 20
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("folder", ["records", "records/signs", "sha256", "sha256/92"])
def test_files_that_other_programs_left_harm_nothing(registry: Registry, folder: str) -> None:
    """A look at the folder with the Finder, and no service started any more."""
    publish(registry, 2)
    registry.blobs.store.write(f"{folder}/.DS_Store", b"\0\0\0\1Bud1")
    assert registry.reconcile() == 0
    report = registry.verify()
    assert (report.blobs, report.records, report.versions, report.faults) == (2, 2, 2, ())
    assert registry.rebuild().left_out == ()
    assert registry.collect_garbage(0.0, dry_run=False).garbage == ()
    assert [task.task for task in registry.tasks()] == ["signs"]
