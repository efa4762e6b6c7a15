"""Several things under way at once: in threads for a blocking client, as tasks within an event loop."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Any, Generic, Protocol, TypeVar

from nettailor_client.operation import run
from nettailor_client.transport import BlockingTransport, Transport

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Work = Callable[[], Coroutine[Any, Any, T]]


class Started(Protocol[T_co]):
    async def result(self) -> T_co:
        """Wait for it. Raises what the work raised."""


class Group(Protocol):
    """So much is under way at most; the rest waits for its turn."""

    def start(self, work: Work[T]) -> Started[T]: ...

    async def close(self) -> None:
        """Begin nothing more, and give up what has not ended."""


def group(transport: Transport, limit: int) -> Group:
    """For what sends over the transport."""
    return _Threads(limit) if isinstance(transport, BlockingTransport) else _Tasks(limit)


class _Threads:
    """What is under way in a thread when the group is closed goes on there, for nobody."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._threads: list[Thread] = []
        self._queue: SimpleQueue[tuple[Work[Any], Future[Any]] | None] = SimpleQueue()
        self._is_closed = False

    def start(self, work: Work[T]) -> Started[T]:
        future: Future[T] = Future()
        self._queue.put((work, future))
        if len(self._threads) < self._limit:
            # Daemons: the process must not wait for a pause between two attempts.
            self._threads.append(Thread(target=self._serve, daemon=True))
            self._threads[-1].start()
        return _OfThread(future)

    async def close(self) -> None:
        self._is_closed = True
        for _ in self._threads:
            self._queue.put(None)

    def _serve(self) -> None:
        while (item := self._queue.get()) is not None:
            work, future = item
            if self._is_closed:
                continue
            try:
                future.set_result(run(work()))
            except BaseException as error:  # whoever waits for it raises it
                future.set_exception(error)


class _OfThread(Generic[T]):
    def __init__(self, future: "Future[T]") -> None:
        self._future = future

    async def result(self) -> T:
        return self._future.result()


class _Tasks:
    def __init__(self, limit: int) -> None:
        self._turns = asyncio.Semaphore(limit)
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Work[T]) -> Started[T]:
        task = asyncio.create_task(self._in_turn(work))
        self._tasks.add(task)
        return _OfTask(task, self._tasks)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _in_turn(self, work: Work[T]) -> T:
        async with self._turns:
            return await work()


class _OfTask(Generic[T]):
    def __init__(self, task: "asyncio.Task[T]", tasks: "set[asyncio.Task[Any]]") -> None:
        self._task = task
        self._tasks = tasks

    async def result(self) -> T:
        self._tasks.discard(self._task)
        return await self._task
