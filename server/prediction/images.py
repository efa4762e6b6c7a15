"""Decoding and resizing, in a pool of threads: the event loop never touches a pixel (torch-free)."""

import math
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hosting.processes.malloc import give_back
from nettailor import images
from nettailor.bundle.preprocessing import Preprocessing, ValueRange
from nettailor.errors import ImageInvalid, ImageTooLarge
from server.errors import ImageOversized, ImageRejected
from server.prediction.decode_queue import DecodeQueue, Decoding
from server.prediction.deliveries import result_of
from server.scheduling.pixels import PixelAdmission
from server.settings import ServerSettings

Prepared = Sequence[NDArray[np.uint8]]  # one image, (3, crop, crop) for each preprocessing asked for

_SMALL_PIXELS = 1_000_000  # a request of no more is decoded as soon as its headers are read, in the same thread


class Observer(Protocol):
    def preprocessed(self, seconds: float) -> None: ...


@dataclass(frozen=True, kw_only=True)
class DecodeLimits:
    """Pixels of one image, of all of a request, of all that wait in the process, and of those decoded at once."""

    image: int = images.MAX_PIXELS
    request: int = 6 * images.MAX_PIXELS
    waiting: int = 12 * images.MAX_PIXELS
    at_once: int = images.MAX_PIXELS
    threads: int = 1

    @classmethod
    def of(cls, settings: ServerSettings) -> "DecodeLimits":
        return cls(
            image=settings.max_pixels,
            request=settings.max_request_pixels,
            waiting=settings.pixel_bound,
            at_once=settings.decode_pixels,
            threads=settings.decode_threads,
        )


class ImageReader:
    def __init__(self, executor: Executor, observer: Observer, limits: DecodeLimits) -> None:
        self._executor = executor
        self._observer = observer
        self._max_pixels = limits.image
        self._admission = PixelAdmission(bound=limits.waiting, request_bound=limits.request, threads=limits.threads)
        self._queue: DecodeQueue[Prepared] = DecodeQueue(
            executor, threads=limits.threads, pixels_at_once=limits.at_once, idle=give_back
        )

    async def prepare(self, files: Sequence[bytes], wanted: Sequence[Preprocessing]) -> list[Prepared]:
        """Decode each file once for each size and value range wanted, resize it for each preprocessing.

        What that costs is known from the headers before any pixel is decoded. Raises `ImageRejected`,
        `ImageOversized`, `ImagesOversized`, `Overloaded`.
        """
        pixels, prepared = await result_of(self._executor.submit(self._measure, files, wanted))
        if prepared:
            return prepared
        with self._admission.admitted(sum(pixels)):
            return await self._queue.run(
                [
                    Decoding(pixels=count, work=partial(self._prepare, index, data, wanted))
                    for index, (count, data) in enumerate(zip(pixels, files, strict=True))
                ]
            )

    def _measure(self, files: Sequence[bytes], wanted: Sequence[Preprocessing]) -> tuple[list[int], list[Prepared]]:
        """The pixels of each image, and the images themselves where they are small. Runs in a thread."""
        headers = [self._header(index, data) for index, data in enumerate(files)]
        pixels = [header.pixels for header in headers]
        self._admission.check(pixels)
        if sum(pixels) > _SMALL_PIXELS:
            return pixels, []
        return pixels, [
            self._prepare(index, data, wanted, header)
            for index, (data, header) in enumerate(zip(files, headers, strict=True))
        ]

    def _header(self, index: int, data: bytes) -> images.Header:
        with _told_of(index):
            return images.read_header(data, max_pixels=self._max_pixels)

    def _prepare(
        self, index: int, data: bytes, wanted: Sequence[Preprocessing], header: images.Header | None = None
    ) -> Prepared:
        began_at = time.monotonic()
        with _told_of(index):
            pictures = self._decode(data, wanted, header)
        prepared = [images.prepare(picture, one) for picture, one in zip(pictures, wanted, strict=True)]
        seconds = time.monotonic() - began_at
        self._observer.preprocessed(seconds)
        self._admission.decoded(math.prod(pictures[0].size), seconds)
        return prepared

    def _decode(
        self, data: bytes, wanted: Sequence[Preprocessing], header: images.Header | None
    ) -> list[images.Picture]:
        """The picture for each: not one for the largest size, as what a task sees must not depend on the tasks it is
        asked with. An ordinary image, to which no value range matters, is decoded once for each size."""
        ordinary: dict[int, images.Picture] = {}
        scaled: dict[tuple[int, ValueRange | None], images.Picture] = {}
        for side, value_range in ((one.resize, one.value_range) for one in wanted):
            if side in ordinary or (side, value_range) in scaled:
                continue
            limit, known = self._max_pixels, None if ordinary or scaled else header
            picture = images.decode(data, max_pixels=limit, side=side, value_range=value_range, header=known)
            if picture.span is None:
                ordinary[side] = picture
            else:
                scaled[side, value_range] = picture
        return [ordinary.get(one.resize) or scaled[one.resize, one.value_range] for one in wanted]


@contextmanager
def _told_of(index: int) -> Iterator[None]:
    """What is wrong with an image, as an error that says which of the request's it is."""
    try:
        yield
    except ImageTooLarge as failure:
        raise ImageOversized(index, failure.reason) from failure
    except ImageInvalid as failure:
        raise ImageRejected(index, failure.reason) from failure
