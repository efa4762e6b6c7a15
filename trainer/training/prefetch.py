"""Batches made ready by a thread while the device computes on the one before."""

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

_POLL_SECONDS = 0.2


def prefetched(items: Iterable[T], ahead: int = 2) -> Iterator[T]:
    """Yield the same items in the same order; a thread makes up to `ahead` of them early. An error is raised where its
    item would have come. A consumer that stops early stops the thread."""
    ready: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(ahead)
    stopped = threading.Event()

    def put(item: T | None, error: BaseException | None) -> bool:
        while not stopped.is_set():
            try:
                ready.put((item, error), timeout=_POLL_SECONDS)
                return True
            except queue.Full:
                continue
        return False

    def produce() -> None:
        try:
            for item in items:
                if not put(item, None):
                    return
        except BaseException as error:  # of any kind: it is raised in the consumer
            put(None, error)
        else:
            put(None, StopIteration())

    thread = threading.Thread(target=produce, name="prefetch", daemon=True)
    thread.start()
    try:
        while True:
            item, error = ready.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item  # type: ignore[misc]  # without an error there is an item
    finally:
        stopped.set()
        thread.join()
