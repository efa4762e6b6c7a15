"""Where the pixels of a data set are held: in memory while they are few, else in a file that is mapped.

Mapped pages are the system's to drop and to read again, so that a data set may be larger than the memory. The file has
no name: nothing of it is left, however the process ends.
"""

import math
import os
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
from numpy.typing import NDArray

IN_MEMORY_BYTES = 1 << 30


def empty_pixels(shape: tuple[int, ...], folder: Path, *, in_memory: bool) -> NDArray[np.uint8]:
    """An array to be filled; a file, if there is one, is in the `folder`. Raises `OSError` where the disk is full."""
    size_bytes = math.prod(shape)
    if in_memory or not size_bytes:
        return np.empty(shape, np.uint8)
    with TemporaryFile(dir=folder) as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size_bytes)  # a disk that is full later kills whoever writes
        else:
            file.truncate(size_bytes)
        return np.memmap(file, np.uint8, "r+", shape=shape)
