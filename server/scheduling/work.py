"""What waits for the engine: a request's images and who is to classify them (torch-free)."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

D = TypeVar("D")  # a bundle ready to run

Ranking = Sequence[tuple[int, float]]  # (class index, probability), best first


class BatchKey(NamedTuple):
    """Only work of one key shares a batch."""

    backbone: str  # fingerprint
    side: int  # of the images, in pixels


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """What became of a request: rankings by image, then by part."""

    rankings: Sequence[Sequence[Ranking]]
    queue_s: float  # from submission to answer, less the time in batches
    inference_s: float  # in batches


@dataclass(frozen=True, kw_only=True, eq=False)
class Work(Generic[D]):
    """One request. Every image (3, S, S) uint8 goes through every part; parts share preprocessing."""

    tasks: tuple[str, ...]  # of the parts
    versions: tuple[int, ...]  # of the parts
    parts: tuple[D, ...]
    images: Sequence[NDArray[np.uint8]]
    key: BatchKey
    top_k: int  # length of the rankings
    priority: int  # within a task, more goes first
    deadline: float  # on the scheduler's clock
    future: "Future[Outcome]" = field(default_factory=Future)


class Progress:
    """Where a request stands; only the scheduler touches it once it is queued, one thread at a time."""

    def __init__(self, images: int, submitted_at: float) -> None:
        self.rankings: list[Sequence[Ranking]] = [()] * images
        self.missing = images
        self.submitted_at = submitted_at
        self.inference_s = 0.0
        self.counted_until = submitted_at  # time in batches that run side by side counts once


@dataclass(frozen=True, kw_only=True, eq=False)
class Item(Generic[D]):
    """One image of a request: what queues hold and batches are made of."""

    work: Work[D]
    index: int  # of the image
    progress: Progress

    @property
    def cost(self) -> int:
        """Rows it puts into the forward pass."""
        return len(self.work.parts)
