"""Recorded work: a fixed sequence of launches, recorded once a size of batch and replayed with one launch.

A recording reads and writes memory that stays where it is, so that a batch is copied in, and is filled up to the next
size there is a recording of (a bucket). What does not fit, and everything once a recording failed, runs as it is.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

logger = logging.getLogger(__name__)

BUCKETS = (1, 2, 4, 8, 16, 32, 64)

Work = Callable[..., Tensor]


class Recording(Protocol):
    @property
    def output(self) -> Tensor:
        """In memory that the next replay overwrites."""

    def replay(self) -> None:
        """Queue the work again, on what its inputs hold now."""


# Records what the function does to these inputs; they stay the recording's. Raises `RuntimeError` where it cannot.
Record = Callable[[Work, Sequence[Tensor]], Recording]


@dataclass(kw_only=True, eq=False)
class _Shelf:
    """The recordings of one key, by bucket, and the inputs that all of them read: `rows` with room for the largest."""

    rows: list[Tensor]
    whole: list[Tensor]
    recordings: dict[int, Recording] = field(default_factory=dict)


class GraphCache:
    """Keeps the recordings of the `most_keys` keys that were used last. For one thread at a time."""

    def __init__(self, record: Record, *, buckets: Sequence[int] = BUCKETS, most_keys: int = 8) -> None:
        self.buckets = tuple(sorted(buckets))
        self._record = record
        self._most_keys = most_keys
        self._shelves: OrderedDict[Hashable, _Shelf] = OrderedDict()
        self._works = True

    def bucket(self, rows: int) -> int | None:
        """The smallest one that holds so many rows; None: none does, or recording failed."""
        return next((bucket for bucket in self.buckets if rows <= bucket), None) if self._works else None

    def run(self, key: Hashable, work: Work, rows: Sequence[Tensor], whole: Sequence[Tensor] = ()) -> Tensor:
        """`work(*rows, *whole)`, whose every row may depend on the same row of each of `rows` and on all of `whole`.

        `key` stands for all else the work depends on. The result is overwritten by the next run of the same key.
        """
        count = len(rows[0])
        bucket = self.bucket(count)
        recording = None if bucket is None else self._filled(key, bucket, work, rows, whole)
        if recording is None:
            return work(*rows, *whole)
        recording.replay()
        return recording.output[:count]

    def clear(self) -> None:
        """Forget all recordings; memory that they read may then move."""
        self._shelves.clear()

    def _filled(
        self, key: Hashable, bucket: int, work: Work, rows: Sequence[Tensor], whole: Sequence[Tensor]
    ) -> Recording | None:
        """The recording with these inputs in place."""
        shelf = self._shelf(key, rows, whole)
        for mine, given in zip(shelf.rows, rows, strict=True):
            mine[: len(given)].copy_(given)
        for mine, given in zip(shelf.whole, whole, strict=True):
            mine.copy_(given)
        if bucket not in shelf.recordings and not self._recorded(shelf, bucket, work):
            return None
        return shelf.recordings[bucket]

    def _shelf(self, key: Hashable, rows: Sequence[Tensor], whole: Sequence[Tensor]) -> _Shelf:
        full = (key, *((t.shape[1:], t.dtype) for t in rows), *((t.shape, t.dtype) for t in whole))
        if full not in self._shelves:
            largest = self.buckets[-1]
            self._shelves[full] = _Shelf(
                rows=[t.new_zeros((largest, *t.shape[1:])) for t in rows], whole=[torch.zeros_like(t) for t in whole]
            )
            while len(self._shelves) > self._most_keys:
                self._shelves.popitem(last=False)
        self._shelves.move_to_end(full)
        return self._shelves[full]

    def _recorded(self, shelf: _Shelf, bucket: int, work: Work) -> bool:
        inputs = [*(t[:bucket] for t in shelf.rows), *shelf.whole]
        try:
            shelf.recordings[bucket] = self._record(work, inputs)
        except RuntimeError:  # what CUDA refuses to record, or has no memory for
            logger.exception("batches of %s rows cannot be recorded: from now on all run as they are", bucket)
            self._works = False
            self.clear()
        return self._works
