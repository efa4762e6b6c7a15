"""From other threads to the event loop: what they end within a moment is told in one wake-up (torch-free).

Waking an event loop is a system call, in which the caller lets go of the interpreter. A batch has as many answers as
requests, and telling of each by itself would have the two threads take the interpreter from each other as often.
"""

import asyncio
import contextlib
from collections import deque
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")


async def result_of(future: "Future[T]") -> T:
    """As `asyncio.wrap_future`: who gives up waiting takes back what has not begun."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()
    inbox = _inboxes.get(loop)
    if inbox is None:
        inbox = _inboxes[loop] = _Inbox()
    future.add_done_callback(lambda done: inbox.put(loop, done, result))
    try:
        return await result
    except asyncio.CancelledError:
        future.cancel()
        raise


class _Inbox:
    """What has ended and was not told yet, of one event loop."""

    def __init__(self) -> None:
        self._ended: deque[tuple[Future[Any], asyncio.Future[Any]]] = deque()
        self._is_waking = False

    def put(self, loop: asyncio.AbstractEventLoop, done: "Future[T]", result: "asyncio.Future[T]") -> None:
        """Called in any thread."""
        self._ended.append((done, result))
        if self._is_waking:  # `_empty` is still to come, and finds what was put before it was asked here
            return
        self._is_waking = True
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(self._empty)

    def _empty(self) -> None:
        self._is_waking = False
        while self._ended:
            done, result = self._ended.popleft()
            if not result.done():
                pass_on(done, result)


_inboxes: "WeakKeyDictionary[asyncio.AbstractEventLoop, _Inbox]" = WeakKeyDictionary()


def pass_on(done: "Future[T]", result: "asyncio.Future[T]") -> None:
    """Let one future end as another one has."""
    try:
        result.set_result(done.result())
    except CancelledError:
        result.cancel()
    except Exception as failure:  # of whatever kind the work raised; the request answers it
        result.set_exception(failure)
