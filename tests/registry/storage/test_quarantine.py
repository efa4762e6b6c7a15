"""What a read does with a blob that is not what its name says."""

import logging
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from nettailor.bundle.bundle import digest_of
from registry.errors import BlobCorrupt, BlobMissing
from registry.metrics import QuarantineCollector
from registry.storage.blobs import Blobs
from tests.registry.corruption import corrupt
from tests.waiting import until


def test_a_corrupt_blob_is_put_away_and_missing_until_it_is_put_again(
    blobs: Blobs, caplog: pytest.LogCaptureFixture
) -> None:
    digest = blobs.put(b"good")
    corrupt(blobs, digest, b"evil")
    with pytest.raises(BlobCorrupt, match=digest_of(b"evil")), caplog.at_level(logging.ERROR):
        blobs.read(digest)
    with pytest.raises(BlobMissing):
        blobs.read(digest)
    assert not blobs.exists(digest)
    assert list(blobs.digests()) == []
    (kept,) = blobs.quarantine
    assert (kept.digest, kept.found) == (digest, digest_of(b"evil"))
    assert blobs.store.read(kept.key) == b"evil"
    assert kept.key in caplog.text
    assert blobs.put(b"good") == digest
    assert blobs.read(digest) == b"good"
    assert list(blobs.quarantine) == [kept]


@pytest.mark.parametrize("spoilt", [b"", b"goo", b"good and more"], ids=["empty", "truncated", "longer"])
def test_every_way_to_read_finds_it(blobs: Blobs, tmp_path: Path, spoilt: bytes) -> None:
    reads = (blobs.read, blobs.verify, lambda digest: blobs.fetch(digest, tmp_path / "copy"))
    for read in reads:
        digest = blobs.put(b"good")
        corrupt(blobs, digest, spoilt)
        with pytest.raises(BlobCorrupt):
            read(digest)
        with pytest.raises(BlobMissing):
            read(digest)
    assert len(list(blobs.quarantine)) == len(reads)  # every one is kept
    assert list(tmp_path.glob("copy*")) == []


def test_a_put_replaces_and_puts_away(blobs: Blobs) -> None:
    digest = blobs.put(b"good")
    corrupt(blobs, digest, b"evil")
    assert blobs.put(b"good") == digest
    assert blobs.read(digest) == b"good"
    assert [kept.found for kept in blobs.quarantine] == [digest_of(b"evil")]


def test_a_sound_blob_put_while_the_corrupt_one_was_read_stays(tmp_path: Path) -> None:
    blobs = Blobs(str(tmp_path))
    content = b"x" * 3_000_000
    digest = blobs.put(content)
    corrupt(blobs, digest, b"y" * 3_000_000)
    reading = blobs._verified(digest)
    assert next(reading)[:1] == b"y"
    corrupt(blobs, digest, content)
    with pytest.raises(BlobCorrupt):
        list(reading)
    assert blobs.read(digest) == content
    assert list(blobs.quarantine) == []


def test_what_was_replaced_or_gone_is_not_moved(blobs: Blobs) -> None:
    assert not blobs.store.move("a", "b")
    blobs.store.write("a", b"1")
    assert blobs.store.move("a", "deep/b")
    assert not blobs.store.exists("a")
    assert blobs.store.read("deep/b") == b"1"


def test_the_metric_counts_what_the_quarantine_holds(blobs: Blobs) -> None:
    metrics = CollectorRegistry()
    metrics.register(QuarantineCollector(blobs))
    until(lambda: b"nettailor_blobs_quarantined_total 0.0" in generate_latest(metrics))
    digest = blobs.put(b"good")
    corrupt(blobs, digest, b"evil")
    with pytest.raises(BlobCorrupt):
        blobs.verify(digest)
    until(lambda: b"nettailor_blobs_quarantined_total 1.0" in generate_latest(metrics))
