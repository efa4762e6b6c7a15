"""Where the pixels of a data set are held: in memory while they are few, else in a file that is mapped.

Mapped pages are the system's to drop and to read again, so that a data set may be larger than the memory. The file has
no name: nothing of it is left, however the process ends.
"""

import math
import os
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

IN_MEMORY_BYTES = 1 << 30


def empty_pixels(shape: tuple[int, ...], folder: Path, *, in_memory: bool) -> NDArray[np.uint8]:
    """An array to be filled; a file, if there is one, is in the `folder`. Raises `OSError` where the disk is full."""
    size_bytes = math.prod(shape)
    if in_memory or not size_bytes:
        return np.empty(shape, np.uint8)
    with TemporaryFile(dir=folder) as file:
        file.truncate(size_bytes)
        _reserve(file.fileno(), 0, size_bytes)
        return np.memmap(file, np.uint8, "r+", shape=shape)


class Room:
    """Memory of one mapped file, a descriptor for all of it, that is taken piece by piece, up to `limit` bytes."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder, self._limit = folder, limit
        self._mapped: NDArray[np.uint8] | None = None
        self._descriptor = -1
        self._taken = 0

    @property
    def full(self) -> bool:
        """Whether something did not fit: nothing more is given then."""
        return self._taken > self._limit or self._limit == 0

    @property
    def limit_bytes(self) -> int:
        return self._limit

    @property
    def taken_bytes(self) -> int:
        """What was asked for, beyond the limit too."""
        return self._taken

    def take(self, size_bytes: int) -> Tensor | None:
        """So many bytes, uint8; None beyond the limit, and where the disk is full."""
        start = self._taken
        self._taken += size_bytes
        if self.full:
            return None
        try:
            if self._mapped is None:
                self._mapped = self._map()
            _reserve(self._descriptor, start, size_bytes)
        except OSError:
            self._limit = 0
            return None
        return torch.from_numpy(self._mapped[start : self._taken])

    def _map(self) -> NDArray[np.uint8]:
        with TemporaryFile(dir=self._folder) as file:
            file.truncate(self._limit)
            self._descriptor = os.dup(file.fileno())
            return np.memmap(file, np.uint8, "r+", shape=(self._limit,))

    def __del__(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)


def _reserve(descriptor: int, start: int, size_bytes: int) -> None:
    """Take the disk's blocks now: a disk that is full later kills whoever writes."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, start, size_bytes)
