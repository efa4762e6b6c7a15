import errno
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest

from hosting.disk.reserve import DiskReserve
from nettailor.durable import hold
from server.residency.disk import DiskCache
from server.residency.tiers import BundleId

A, B, C = (BundleId(task="a.b-1", version=12, digest="sha256:" + letter * 64) for letter in "abc")
CONTENTS = {id: np.frombuffer(id.digest[-10:].encode(), np.uint8) for id in (A, B, C)}
SIZE = 64 + 10  # of each file


def opened(folder: Path, budget: int = 2 * SIZE) -> DiskCache:
    cache = DiskCache(folder, budget_bytes=budget)
    cache.open()
    return cache


def read(cache: DiskCache, id: BundleId) -> bytes | None:
    contents = cache.read(id)
    return None if contents is None else contents.tobytes()


def test_least_recently_used_goes_first(tmp_path: Path) -> None:
    cache = opened(tmp_path)
    assert cache.write(A, CONTENTS[A]) == []
    assert cache.write(B, CONTENTS[B]) == []
    assert read(cache, A) == CONTENTS[A].tobytes()
    assert cache.write(C, CONTENTS[C]) == [B]
    assert (cache.read(B), B in cache, len(cache), cache.size_bytes) == (None, False, 2, 2 * SIZE)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_bundle_made_ready_for_int8_is_another_file(tmp_path: Path) -> None:
    low = BundleId(task=A.task, version=A.version, digest=A.digest, int8=True)
    cache = opened(tmp_path)
    cache.write(A, CONTENTS[A])
    assert low not in cache
    cache.write(low, CONTENTS[B])
    assert (read(cache, A), read(cache, low)) == (CONTENTS[A].tobytes(), CONTENTS[B].tobytes())
    assert set(opened(tmp_path).ids()) == {A, low}


def test_what_an_earlier_process_left_is_verified_when_read(tmp_path: Path) -> None:
    cache = opened(tmp_path)
    cache.write(A, CONTENTS[A])
    cache.write(B, CONTENTS[B])
    [spoilt] = tmp_path.glob("a*")
    spoilt.write_bytes(spoilt.read_bytes()[:-1] + b"x")
    (tmp_path / "left.tmp").write_bytes(b"half")
    (tmp_path / f"{'c' * 64}.folded-4").write_bytes(b"of an older form")
    again = opened(tmp_path)
    assert A in again
    assert again.read(A) is None
    assert read(again, B) == CONTENTS[B].tobytes()
    assert again.ids() == (B,)
    assert [path.name for path in tmp_path.iterdir()] == [f"{'b' * 64}.12.a.b-1.folded-5"]


def test_what_another_process_is_writing_stays_and_what_it_left_goes(tmp_path: Path) -> None:
    path = tmp_path / "other.tmp"
    with path.open("wb") as file:
        hold(file)
        file.write(b"half")
        cache = opened(tmp_path)
        assert path.exists()
        now = path.stat().st_mtime
        assert cache.drop_left(now + 1e6) == 0
    assert cache.drop_left(now + 1) == 0  # it may be about to be locked
    assert cache.drop_left(now + 6) == 4
    assert not path.exists()


def test_the_reserve_of_the_disk_is_left_alone(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, budget_bytes=2 * SIZE, reserve=DiskReserve([tmp_path], 10**18))
    cache.open()
    assert cache.write(A, CONTENTS[A]) == []
    assert A not in cache
    assert list(tmp_path.iterdir()) == []


def test_a_file_taken_away_or_a_folder_gone_costs_no_answer(tmp_path: Path) -> None:
    cache = opened(tmp_path / "cache")
    cache.write(A, CONTENTS[A])
    for path in (tmp_path / "cache").iterdir():
        path.unlink()
    assert cache.read(A) is None
    (tmp_path / "cache").rmdir()
    assert cache.write(B, CONTENTS[B]) == []
    assert B not in cache


def test_too_large_for_the_budget_is_not_kept(tmp_path: Path) -> None:
    cache = opened(tmp_path, budget=5)
    assert cache.write(A, CONTENTS[A]) == []
    assert len(cache) == 0


def test_a_folder_that_cannot_be_made_is_told_and_costs_no_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_bytes(b"")
    cache = opened(tmp_path / "file" / "cache")
    assert cache.write(A, CONTENTS[A]) == []
    assert (cache.read(A), len(cache)) == (None, 0)
    [line] = caplog.messages
    assert "Not a directory" in line


def test_what_a_read_only_folder_holds_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    opened(tmp_path).write(A, CONTENTS[A])

    def refuse(**_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    cache = opened(tmp_path)
    assert cache.write(B, CONTENTS[B]) == []
    assert read(cache, A) == CONTENTS[A].tobytes()
    assert cache.ids() == (A,)
    [line] = caplog.messages
    assert "Read-only file system" in line
