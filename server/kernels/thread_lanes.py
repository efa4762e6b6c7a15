"""Lanes: the pieces of one batch run side by side, each on a core of its own.

A mixed batch is hundreds of small products. Cut across cores one product at a time, each pays for waking the other
cores and for waiting until they are done; cut once at the top, none does (docs/log.md has what it is worth).
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

P = TypeVar("P")
R = TypeVar("R")

_LEAST_ROWS = (
    4  # of a lane. On an idle machine larger ones would do; beside the threads of HTTP lanes pay (docs/log.md)
)
_MOST = 4  # every lane reads all shared weights: many lanes would be bound by memory


class ThreadLanes:
    """`count` threads that compute with `threads` threads each. With one lane everything runs in the caller."""

    def __init__(self, count: int = 1, *, threads: int = 1) -> None:
        self.count = count
        self._pool = _started(count, threads) if count > 1 else None

    @classmethod
    def on_all_cores(cls) -> "ThreadLanes":
        """Lanes for as many threads as PyTorch uses now."""
        threads = torch.get_num_threads()
        count = min(threads, _MOST)
        return cls(count, threads=threads // count)

    def fitting(self, rows: int) -> int:
        """How many pieces a batch of so many rows should be cut into."""
        return max(1, min(self.count, rows // _LEAST_ROWS))

    def map(self, run: Callable[[P], R], pieces: Sequence[P]) -> list[R]:
        """`run` of every piece, in order; a piece alone is run by the caller. Raises what `run` raises."""
        if self._pool is None or len(pieces) == 1:
            return [run(piece) for piece in pieces]
        return list(self._pool.map(run, pieces))


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
