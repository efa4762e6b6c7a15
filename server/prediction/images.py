"""Decoding and resizing, in a pool of threads: the event loop never touches a pixel (torch-free)."""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nettailor import images
from nettailor.bundle.preprocessing import Preprocessing, ValueRange
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
        """Decode each file once for each size and value range wanted, resize it for each preprocessing.

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
            pictures = self._decode(data, wanted)
        except ImageTooLarge as failure:
            raise ImageOversized(index, failure.reason) from failure
        except ImageInvalid as failure:
            raise ImageRejected(index, failure.reason) from failure
        prepared = [images.prepare(picture, one) for picture, one in zip(pictures, wanted, strict=True)]
        self._observer.preprocessed(time.monotonic() - began_at)
        return prepared

    def _decode(self, data: bytes, wanted: Sequence[Preprocessing]) -> list[images.Picture]:
        """The picture for each: not one for the largest size, as what a task sees must not depend on the tasks it is
        asked with. An ordinary image, to which no value range matters, is decoded once for each size."""
        ordinary: dict[int, images.Picture] = {}
        scaled: dict[tuple[int, ValueRange | None], images.Picture] = {}
        for side, value_range in ((one.resize, one.value_range) for one in wanted):
            if side in ordinary or (side, value_range) in scaled:
                continue
            picture = images.decode(data, max_pixels=self._max_pixels, side=side, value_range=value_range)
            if picture.span is None:
                ordinary[side] = picture
            else:
                scaled[side, value_range] = picture
        return [ordinary.get(one.resize) or scaled[one.resize, one.value_range] for one in wanted]
