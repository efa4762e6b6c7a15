from pathlib import Path

import pytest

from nettailor.bundle import digest_of
from server.disk import DiskCache
from server.shelf import Shelf

FILES = {digest_of(data): data for data in (b"a" * 10, b"b" * 10, b"c" * 10)}
A, B, C = FILES


def opened(folder: Path, budget: int = 20) -> DiskCache:
    cache = DiskCache(folder, budget_bytes=budget)
    cache.open()
    return cache


def test_least_recently_used_goes_first(tmp_path: Path) -> None:
    cache = opened(tmp_path)
    assert cache.write(A, FILES[A]) == []
    assert cache.write(B, FILES[B]) == []
    assert cache.read(A) == FILES[A]
    assert cache.write(C, FILES[C]) == [B]
    assert (cache.read(B), B in cache, len(cache), cache.size_bytes) == (None, False, 2, 20)
    assert len(list(tmp_path.iterdir())) == 2


def test_what_an_earlier_process_left_is_verified_when_read(tmp_path: Path) -> None:
    cache = opened(tmp_path)
    cache.write(A, FILES[A])
    cache.write(B, FILES[B])
    (tmp_path / f"{A.removeprefix('sha256:')}.safetensors").write_bytes(b"x" * 10)
    (tmp_path / "left.tmp").write_bytes(b"half")
    again = opened(tmp_path)
    assert A in again
    assert again.read(A) is None
    assert again.read(B) == FILES[B]
    assert [path.stem for path in tmp_path.iterdir()] == [B.removeprefix("sha256:")]


def test_a_file_taken_away_or_a_folder_gone_costs_no_answer(tmp_path: Path) -> None:
    cache = opened(tmp_path / "cache")
    cache.write(A, FILES[A])
    for path in (tmp_path / "cache").iterdir():
        path.unlink()
    assert cache.read(A) is None
    (tmp_path / "cache").rmdir()
    assert cache.write(B, FILES[B]) == []
    assert B not in cache


def test_too_large_for_the_budget_is_not_kept(tmp_path: Path) -> None:
    cache = opened(tmp_path, budget=5)
    assert cache.write(A, FILES[A]) == []
    assert len(cache) == 0


def test_weight_outlives_rounds_of_evictions() -> None:
    shelf: Shelf[str, int] = Shelf(3)
    shelf.put("heavy", 0, size_bytes=1, weight=3)
    order = []
    for turn in range(20):
        shelf.put(f"light{turn}", turn, size_bytes=1)
        order += [key for key, _ in shelf.shrink()]
    # Two lights share the shelf with it, so a round is two evictions; an unweighted one would have gone first of all.
    assert 2 * 2 < order.index("heavy") < 2 * 4


@pytest.mark.parametrize("key", ["a", "b"])
def test_what_may_not_go_stays_beyond_the_budget(key: str) -> None:
    shelf: Shelf[str, int] = Shelf(1)
    shelf.put("a", 0, size_bytes=1)
    shelf.put("b", 1, size_bytes=1)
    assert [gone for gone, _ in shelf.shrink(lambda k: k == key)] == [key]
    assert shelf.shrink(lambda _: False) == []
