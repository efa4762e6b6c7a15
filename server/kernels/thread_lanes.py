"""Lanes: batches, or the pieces of one batch, run side by side, each on a core of its own.

A mixed batch is hundreds of small products. Cut across cores one product at a time, each pays for waking the other
cores and for waiting until they are done; cut once at the top, none does. Batches of their own do not even wait for
each other at the end (docs/log.md has what both are worth).
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol, TypeVar

import torch

P = TypeVar("P")
R = TypeVar("R")

LEAST_ROWS = 4  # of a lane. On an idle machine larger ones would do; beside the threads of HTTP lanes pay (docs/log.md)
_MOST = 4  # every lane reads all shared weights: many lanes would be bound by memory


class Lanes(Protocol):
    """Where a batch runs."""

    def fitting(self, rows: int) -> int:
        """How many pieces a batch of so many rows should be cut into."""

    def map(self, run: Callable[[P], R], pieces: Sequence[P]) -> list[R]:
        """`run` of every piece, in order. Raises what `run` raises."""


class ThreadLanes:
    """`count` threads that compute with `threads` threads each. With one lane everything runs in the caller."""

    def __init__(self, count: int = 1, *, threads: int = 1) -> None:
        self.count = count
        self._pool = _started(count, threads) if count > 1 else None
        self._batches = 0  # that run now, in one lane each
        self._counting = threading.Lock()

    @classmethod
    def on_all_cores(cls) -> "ThreadLanes":
        """Lanes for as many threads as PyTorch uses now."""
        threads = torch.get_num_threads()
        count = min(threads, _MOST)
        return cls(count, threads=threads // count)

    def fitting(self, rows: int) -> int:
        return max(1, min(self.count, rows // LEAST_ROWS))

    def map(self, run: Callable[[P], R], pieces: Sequence[P]) -> list[R]:
        """A piece alone is run by the caller."""
        return _mapped(self._pool if len(pieces) > 1 else None, run, pieces)

    @contextmanager
    def one(self, rows: int) -> Iterator[Lanes]:
        """For a batch of so many rows that others may run beside: a lane, which does not cut it. While it is alone, one
        that would not be worth a cut has all threads instead, in the caller."""
        with self._counting:
            self._batches += 1
            small = self._batches == 1 and rows < self.count * LEAST_ROWS
        try:
            yield _OneLane(None if small else self._pool)
        finally:
            with self._counting:
                self._batches -= 1


class _OneLane:
    def __init__(self, pool: ThreadPoolExecutor | None) -> None:
        self._pool = pool

    def fitting(self, rows: int) -> int:
        return 1

    def map(self, run: Callable[[P], R], pieces: Sequence[P]) -> list[R]:
        return _mapped(self._pool, run, pieces)


def _mapped(pool: ThreadPoolExecutor | None, run: Callable[[P], R], pieces: Sequence[P]) -> list[R]:
    return [run(piece) for piece in pieces] if pool is None else list(pool.map(run, pieces))


def _started(count: int, threads: int) -> ThreadPoolExecutor:
    before = torch.get_num_threads()

    def begin() -> None:
        torch.get_num_threads()  # a thread's first use of PyTorch sets its number to everybody's: let that be now
        torch.set_num_threads(threads)

    pool = ThreadPoolExecutor(count, "lane", initializer=begin)
    all_there = threading.Barrier(count + 1)
    for _ in range(count):
        pool.submit(all_there.wait)
    all_there.wait()
    torch.set_num_threads(before)  # a thread's number is also the one that threads begin with from now on
    return pool
