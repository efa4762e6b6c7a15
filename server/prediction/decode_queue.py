"""The queue before the decoding threads: requests take turns, an image each (torch-free)."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from server.prediction.deliveries import pass_on

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, eq=False)
class Decoding(Generic[T]):
    """The work of one image."""

    pixels: int
    work: Callable[[], T]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Place(Generic[T]):
    """An image that waits, and what its request waits for."""

    decoding: Decoding[T]
    result: "asyncio.Future[T]"


class DecodeQueue(Generic[T]):
    """Shares threads among requests, so that one of many large images does not hold up one of a single image.

    At most ``threads`` images are decoded at once, and of large ones only as many as have ``pixels_at_once`` together:
    that bounds the memory. A larger image is decoded alone. Only the event loop's thread may call it.
    """

    def __init__(self, executor: Executor, *, threads: int, pixels_at_once: int, idle: Callable[[], None]) -> None:
        """`idle` is called in a thread when the last image is done, if ``pixels_at_once`` were decoded since last."""
        self._executor = executor
        self._threads = threads
        self._pixels_at_once = pixels_at_once
        self._idle = idle
        self._turns: deque[deque[_Place[T]]] = deque()  # of each request, what has not begun
        self._running = 0
        self._pixels = 0  # of what runs
        self._pixels_since_idle = 0

    async def run(self, decodings: Sequence[Decoding[T]]) -> list[T]:
        """What the images of one request give, in order. Raises what the work of any of them raises."""
        loop = asyncio.get_running_loop()
        places = deque(_Place(decoding=each, result=loop.create_future()) for each in decodings)
        results = [place.result for place in places]
        self._turns.append(places)
        self._begin_what_fits()
        try:
            return list(await asyncio.gather(*results))
        finally:
            for result in results:
                result.cancel()
            places.clear()  # what has not begun is not going to
            self._begin_what_fits()

    def _begin_what_fits(self) -> None:
        while self._turns and self._running < self._threads:
            places = self._turns[0]
            if places and self._pixels and self._pixels + places[0].decoding.pixels > self._pixels_at_once:
                return  # nobody overtakes a large image, or it would never have its turn
            self._turns.popleft()
            if places:
                self._begin(places.popleft())
            if places:
                self._turns.append(places)

    def _begin(self, place: _Place[T]) -> None:
        loop = asyncio.get_running_loop()
        try:
            running = self._executor.submit(place.decoding.work)
        except RuntimeError as failure:  # the threads are shut down
            place.result.set_exception(failure)
            return
        self._running += 1
        self._pixels += place.decoding.pixels

        def notice(done: "Future[T]") -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(partial(self._ended, place, done))

        running.add_done_callback(notice)

    def _ended(self, place: _Place[T], done: "Future[T]") -> None:
        self._running -= 1
        self._pixels -= place.decoding.pixels
        self._pixels_since_idle += place.decoding.pixels
        if not place.result.done():
            pass_on(done, place.result)
        self._begin_what_fits()
        if not self._running and self._pixels_since_idle >= self._pixels_at_once:
            self._pixels_since_idle = 0
            with contextlib.suppress(RuntimeError):  # the threads are shut down
                self._executor.submit(self._idle)
