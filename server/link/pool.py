"""The pool: prepared images on their way from a front to the engine, in memory that both map (torch-free).

The front makes it, says who may be where, and writes; the engine only reads. A pool is of one link: a front that has
lost its engine makes another one, as the old engine may still be reading. Whoever dies leaves nothing behind, since the
file has no name.
"""

import asyncio
import mmap
import os
from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hosting.processes.shared_memory import mapped, new_file
from server.link.slots import Slots

_CHANNELS = 3
_WORTH_GIVING_BACK_BYTES = 2**24  # of memory that a large request took, once nothing is left in the pool


class Pool:
    """The front's end. Only the event loop's thread calls it."""

    def __init__(self, size_bytes: int) -> None:
        self.descriptor = new_file("nettailor-images", size_bytes)
        try:
            self._memory = mapped(self.descriptor)
        except OSError:  # no descriptors or no addresses at the moment
            self.close()
            raise
        self._slots = Slots(size_bytes)
        self._waiting: deque[tuple[int, asyncio.Future[int]]] = deque()

    @property
    def size_bytes(self) -> int:
        return self._slots.size_bytes

    async def take(self, size_bytes: int) -> int:
        """A slot, as soon as there is room; who came first is first. It must not be larger than the pool."""
        assert size_bytes <= self.size_bytes
        turn: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((size_bytes, turn))
        self._serve()
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back(turn.result())
            self._serve()  # who waits behind it may be content with less
            raise

    def give_back(self, begin: int) -> None:
        self._slots.give_back(begin)
        if self._slots.is_empty:
            self._let_go_of_memory()
        self._serve()

    def write(self, begin: int, images: Sequence[NDArray[np.uint8]]) -> None:
        """Images of one size, one after the other."""
        target = np.ndarray((len(images), *images[0].shape), np.uint8, self._memory, begin)
        for row, image in zip(target, images, strict=True):
            row[...] = image

    def close(self) -> None:
        """Nobody gets a slot any more; memory that somebody still reads goes when they are done."""
        os.close(self.descriptor)

    def _serve(self) -> None:
        while self._waiting:
            size_bytes, turn = self._waiting[0]
            if not turn.done():
                begin = self._slots.take(size_bytes)
                if begin is None:
                    return
                turn.set_result(begin)
            self._waiting.popleft()

    def _let_go_of_memory(self) -> None:
        remove = getattr(mmap, "MADV_REMOVE", None)  # Linux only
        if remove is not None and self._slots.highest >= _WORTH_GIVING_BACK_BYTES:
            self._memory.madvise(remove, 0, self._slots.highest)
            self._slots.highest = 0


class PoolReader:
    """The engine's end."""

    def __init__(self, descriptor: int) -> None:
        self._memory = mapped(descriptor)

    def images(self, begin: int, count: int, side: int) -> list[NDArray[np.uint8]]:
        """As many images of (3, side, side). Raises `ValueError` for a place that is not in the pool."""
        if begin < 0 or count < 0:
            raise ValueError(f"{count} images at {begin}")
        try:
            found = np.ndarray((count, _CHANNELS, side, side), np.uint8, self._memory, begin)
        except TypeError as error:  # numpy's word for a buffer that is too small
            raise ValueError(f"{count} images of {side} px at {begin} are not in the pool") from error
        found.flags.writeable = False
        return list(found)
