"""Admission by pixels: how much decoding one request may ask for, and how much may wait in all (torch-free)."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from server.errors import ImagesOversized, Overloaded

_SMOOTHING = 0.2  # share of the newest image in the estimate of seconds a pixel


class PixelAdmission:
    """Counts the pixels of images from when their headers were read until they are prepared.

    Only the event loop's thread may call `admitted`.
    """

    def __init__(self, *, bound: int, request_bound: int, threads: int) -> None:
        self._bound = bound
        self._request_bound = request_bound
        self._threads = threads  # that decode at once
        self._seconds_each = 0.0  # of a thread, a pixel
        self.waiting = 0

    def check(self, pixels: Sequence[int]) -> None:
        """Hold the images of one request to the limit. Raises `ImagesOversized`."""
        total = 0
        for index, count in enumerate(pixels):
            total += count
            if total > self._request_bound:
                raise ImagesOversized(index, pixels=total, limit_pixels=self._request_bound)

    @contextmanager
    def admitted(self, pixels: int) -> Iterator[None]:
        """A context to hold while they are decoded. Raises `Overloaded`.

        A request beyond the bound by itself is admitted when nothing else waits.
        """
        if self.waiting and self.waiting + pixels > self._bound:
            seconds = self._seconds_until_free()
            raise Overloaded(
                "decoding", waiting=self.waiting, bound=self._bound, retry_after_seconds=seconds, what="pixels"
            )
        self.waiting += pixels
        try:
            yield
        finally:
            self.waiting -= pixels

    def decoded(self, pixels: int, seconds: float) -> None:
        """Take note of how long an image took, for `Retry-After`."""
        each = seconds / max(1, pixels)
        self._seconds_each += (each - self._seconds_each) * (_SMOOTHING if self._seconds_each else 1.0)

    def _seconds_until_free(self) -> int:
        return max(1, math.ceil(self.waiting * self._seconds_each / self._threads))
