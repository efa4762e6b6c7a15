"""`nettailor doctor` on bundles that stand on one another."""

from dataclasses import replace
from pathlib import Path

import pytest
import redis

from cli.doctor import chains as module
from cli.doctor.chains import chains, packed_versions
from cli.doctor.finding import Finding
from hosting.settings.settings import Settings
from nettailor.bundle.bundle import digest_of
from registry.registry import Registry
from registry.storage.blobs import Blobs
from tests.bundles import tiny_bytes
from tests.chains import link_bytes

BIRDS = link_bytes("birds")
DOGS = link_bytes("dogs", after=digest_of(BIRDS), place=1)
CATS = link_bytes("cats", after=digest_of(DOGS), place=2)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(blobs_url=str(tmp_path))


@pytest.fixture
def registry(settings: Settings, redis_client: "redis.Redis") -> Registry:
    registry = Registry(Blobs(settings.blobs_location), redis_client)
    for task, data in {"birds": BIRDS, "dogs": DOGS, "cats": CATS, "signs": tiny_bytes()}.items():
        registry.publish(task, data, actor="me")
    return registry


def _found(settings: Settings, registry: Registry) -> list[Finding]:
    return list(chains(settings, packed_versions(registry)))


def test_it_says_what_stands_on_what(settings: Settings, registry: Registry) -> None:
    [found] = _found(settings, registry)
    assert (found.state, found.found) == ("ok", "birds v1 on its backbone, cats v1 on dogs v1, dogs v1 on birds v1")


def test_it_says_nothing_where_nothing_stands_on_anything(settings: Settings, registry: Registry) -> None:
    for task in ("cats", "dogs", "birds"):
        registry.delete_task(task, actor="me", reason="")
    assert _found(settings, registry) == []


def test_it_does_not_read_for_long(settings: Settings, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", -1.0)
    [found] = _found(settings, registry)
    assert (found.state, found.found) == ("warn", "0 of 3 versions were read in time")


def test_a_missing_link_is_named_for_each_that_stands_on_it(settings: Settings, registry: Registry) -> None:
    registry.blobs.delete(digest_of(DOGS))
    cats, dogs = _found(settings, registry)
    assert (cats.state, dogs.state) == ("fail", "fail")
    assert cats.found == f"cats v1: BlobMissing: no blob {digest_of(DOGS)} (dogs v1)"
    assert dogs.found.startswith("dogs v1: BlobMissing")


def test_a_damaged_link_is_named_and_stays_where_it_is(settings: Settings, registry: Registry) -> None:
    name = digest_of(BIRDS).removeprefix("sha256:")
    registry.blobs.store.write(f"sha256/{name[:2]}/{name}", BIRDS[:-1])
    found = _found(settings, registry)
    assert [each.found.partition(":")[0] for each in found] == ["birds v1", "cats v1", "dogs v1"]
    assert all(f"BlobCorrupt: blob {digest_of(BIRDS)} (birds v1) holds" in each.found for each in found)
    assert registry.blobs.exists(digest_of(BIRDS))


def test_a_link_of_another_method_is_told_by_the_kind_of_fault(settings: Settings, registry: Registry) -> None:
    other = registry.blobs.put(link_bytes("dogs", after=digest_of(tiny_bytes())))
    [found] = chains(settings, [replace(registry.version_record("dogs", 1), digest=other)])
    assert found.found.startswith("dogs v1: ChainLinkInvalid: ")
    assert f"{digest_of(tiny_bytes())}: it is of method nettailor" in found.found
