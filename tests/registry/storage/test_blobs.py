import threading
from pathlib import Path

import pytest

from nettailor.bundle.bundle import digest_of
from registry.errors import BlobMissing
from registry.storage.blobs import Blobs


def test_round_trip(blobs: Blobs, tmp_path: Path) -> None:
    digest = blobs.put(b"hello")
    assert digest == digest_of(b"hello")
    assert blobs.read(digest) == b"hello"
    assert blobs.exists(digest)
    assert blobs.size_bytes(digest) == 5
    assert list(blobs.digests()) == [digest]
    blobs.fetch(digest, tmp_path / "deep" / "copy")
    assert (tmp_path / "deep" / "copy").read_bytes() == b"hello"


def test_put_of_a_file(blobs: Blobs, tmp_path: Path) -> None:
    source = tmp_path / "dataset.zip"
    source.write_bytes(b"x" * 3_000_000)
    digest = blobs.put(source)
    assert digest == digest_of(b"x" * 3_000_000)
    assert blobs.read(digest) == b"x" * 3_000_000


def test_equal_content_is_one_blob(blobs: Blobs) -> None:
    assert blobs.put(b"a") == blobs.put(b"a")
    assert len(list(blobs.digests())) == 1


@pytest.mark.parametrize("digest", ["sha256:" + "0" * 64, "nonsense", "sha256:../../etc/passwd", ""])
def test_missing(blobs: Blobs, digest: str, tmp_path: Path) -> None:
    assert not blobs.exists(digest)
    for read in (blobs.read, blobs.size_bytes, blobs.verify):
        with pytest.raises(BlobMissing):
            read(digest)
    with pytest.raises(BlobMissing):
        blobs.fetch(digest, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_delete(blobs: Blobs) -> None:
    digest = blobs.put(b"gone")
    blobs.delete(digest)
    blobs.delete(digest)
    assert not blobs.exists(digest)


def test_what_a_crash_left_behind_is_no_blob(tmp_path: Path) -> None:
    blobs = Blobs(str(tmp_path))
    digest = blobs.put(b"a")
    folder = tmp_path / "sha256" / digest.removeprefix("sha256:")[:2]
    (folder / ".tmp-0123").write_bytes(b"half")
    assert list(blobs.digests()) == [digest]


def test_of_two_creators_one_wins(blobs: Blobs) -> None:
    assert blobs.store.create("records/a/1", b"first")
    assert not blobs.store.create("records/a/1", b"second")
    assert blobs.store.read("records/a/1") == b"first"


def test_of_many_creators_at_once_one_wins(blobs: Blobs) -> None:
    barrier = threading.Barrier(8)
    won: list[bytes] = []

    def create(writer: bytes) -> None:
        barrier.wait(timeout=30)
        if blobs.store.create("records/a/1", writer):
            won.append(writer)

    threads = [threading.Thread(target=create, args=(b"writer %d" % number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert won == [blobs.store.read("records/a/1")]
