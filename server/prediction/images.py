"""Decoding and resizing, in a pool of threads: the event loop never touches a pixel (torch-free)."""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nettailor import images
from nettailor.bundle.preprocessing import Preprocessing
from nettailor.errors import ImageInvalid, ImageTooLarge
from server.errors import ImageOversized, ImageRejected

Prepared = Sequence[NDArray[np.uint8]]  # one image, (3, crop, crop) for each preprocessing asked for


class Observer(Protocol):
    def preprocessed(self, seconds: float) -> None: ...


class ImageReader:
    def __init__(self, executor: Executor, observer: Observer, *, max_pixels: int) -> None:
        self._executor = executor
        self._observer = observer
        self._max_pixels = max_pixels  # an image

    async def prepare(self, files: Sequence[bytes], wanted: Sequence[Preprocessing]) -> list[Prepared]:
        """Decode each file once for each size wanted, resize it for each preprocessing.

        Raises `ImageRejected`, `ImageOversized`.
        """
        jobs = [
            asyncio.get_running_loop().run_in_executor(self._executor, self._prepare, index, data, wanted)
            for index, data in enumerate(files)
        ]
        try:
            return list(await asyncio.gather(*jobs))
        finally:
            for job in jobs:
                job.cancel()

    def _prepare(self, index: int, data: bytes, wanted: Sequence[Preprocessing]) -> Prepared:
        began_at = time.monotonic()
        try:
            # Not once for the largest: what a task sees must not depend on the tasks it is asked with.
            sides = {preprocessing.resize for preprocessing in wanted}
            decoded = {side: images.decode(data, max_pixels=self._max_pixels, side=side) for side in sides}
        except ImageTooLarge as failure:
            raise ImageOversized(index, failure.reason) from failure
        except ImageInvalid as failure:
            raise ImageRejected(index, failure.reason) from failure
        prepared = [images.prepare(decoded[preprocessing.resize], preprocessing) for preprocessing in wanted]
        self._observer.preprocessed(time.monotonic() - began_at)
        return prepared
