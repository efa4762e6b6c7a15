from pathlib import Path

import numpy as np
import pytest

from server.disk import DiskCache
from server.shelf import Shelf

A, B, C = ("sha256:" + letter * 64 for letter in "abc")
CONTENTS = {digest: np.frombuffer(digest[-10:].encode(), np.uint8) for digest in (A, B, C)}
SIZE = 64 + 10  # of each file


def opened(folder: Path, budget: int = 2 * SIZE) -> DiskCache:
    cache = DiskCache(folder, budget_bytes=budget)
    cache.open()
    return cache


def read(cache: DiskCache, digest: str) -> bytes | None:
    contents = cache.read(digest)
    return None if contents is None else contents.tobytes()


def test_least_recently_used_goes_first(tmp_path: Path) -> None:
    cache = opened(tmp_path)
    assert cache.write(A, CONTENTS[A]) == []
    assert cache.write(B, CONTENTS[B]) == []
    assert read(cache, A) == CONTENTS[A].tobytes()
    assert cache.write(C, CONTENTS[C]) == [B]
    assert (cache.read(B), B in cache, len(cache), cache.size_bytes) == (None, False, 2, 2 * SIZE)
    assert len(list(tmp_path.iterdir())) == 2


def test_what_an_earlier_process_left_is_verified_when_read(tmp_path: Path) -> None:
    cache = opened(tmp_path)
    cache.write(A, CONTENTS[A])
    cache.write(B, CONTENTS[B])
    [spoilt] = tmp_path.glob("a*")
    spoilt.write_bytes(spoilt.read_bytes()[:-1] + b"x")
    (tmp_path / "left.tmp").write_bytes(b"half")
    again = opened(tmp_path)
    assert A in again
    assert again.read(A) is None
    assert read(again, B) == CONTENTS[B].tobytes()
    assert [path.stem for path in tmp_path.iterdir()] == ["b" * 64]


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
