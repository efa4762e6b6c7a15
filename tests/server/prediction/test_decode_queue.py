"""Requests share the decoding threads fairly, and large images do not fill the memory together."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

import pytest

from server.prediction.decode_queue import DecodeQueue, Decoding


class ByHand(Executor):
    """Work begins when it is submitted and ends when `finish` is called."""

    def __init__(self) -> None:
        self.begun: list[tuple[Callable[[], Any], Future[Any]]] = []
        self.idle_calls = 0

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if work == self.idle:
            self.idle_calls += 1
            return future
        future.set_running_or_notify_cancel()
        self.begun.append((work, future))
        return future

    def finish(self, place: int = 0) -> str:
        work, future = self.begun.pop(place)
        result = work()
        future.set_result(result)
        return str(result)

    def idle(self) -> None:
        raise AssertionError


def images(name: str, count: int, pixels: int = 1) -> list[Decoding[str]]:
    def work(number: int) -> Callable[[], str]:
        return lambda: f"{name}{number}"

    return [Decoding(pixels=pixels, work=work(number)) for number in range(count)]


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
def executor() -> Iterator[ByHand]:
    made = ByHand()
    yield made
    assert not made.begun


def test_requests_take_turns(executor: ByHand) -> None:
    async def scenario() -> list[str]:
        queue: DecodeQueue[str] = DecodeQueue(executor, threads=1, pixels_at_once=10, idle=executor.idle)
        many = asyncio.create_task(queue.run(images("a", 4)))
        await settled()
        one = asyncio.create_task(queue.run(images("b", 1)))
        two = asyncio.create_task(queue.run(images("c", 2)))
        await settled()
        order = []
        while executor.begun:
            assert len(executor.begun) == 1
            order.append(executor.finish())
            await settled()
        assert await many == ["a0", "a1", "a2", "a3"]
        assert await one == ["b0"]
        assert await two == ["c0", "c1"]
        return order

    order = asyncio.run(scenario())
    assert order.index("b0") <= 2  # what ran when it came, and one of the same request
    assert order == ["a0", "a1", "b0", "c0", "a2", "c1", "a3"]


def test_as_many_pixels_as_fit_are_decoded_at_once(executor: ByHand) -> None:
    async def scenario() -> None:
        queue: DecodeQueue[str] = DecodeQueue(executor, threads=4, pixels_at_once=10, idle=executor.idle)
        tasks = [asyncio.create_task(queue.run(images(*about))) for about in (("a", 1, 4), ("b", 1, 25), ("c", 2, 5))]
        await settled()
        assert len(executor.begun) == 1  # the next is larger than what is left, and is not overtaken
        assert executor.finish() == "a0"
        await settled()
        assert [work() for work, _ in executor.begun] == ["b0"]  # alone
        executor.finish()
        await settled()
        assert [work() for work, _ in executor.begun] == ["c0", "c1"]
        assert executor.idle_calls == 0
        executor.finish()
        executor.finish()
        await asyncio.gather(*tasks)
        assert executor.idle_calls == 1

    asyncio.run(scenario())


def test_a_request_that_is_given_up_leaves_the_queue(executor: ByHand) -> None:
    async def scenario() -> None:
        queue: DecodeQueue[str] = DecodeQueue(executor, threads=1, pixels_at_once=10, idle=executor.idle)
        gone = asyncio.create_task(queue.run(images("a", 3)))
        await settled()
        stays = asyncio.create_task(queue.run(images("b", 1)))
        await settled()
        gone.cancel()
        await settled()
        assert len(executor.begun) == 1  # what runs is let finish, and its thread is taken until then
        assert executor.finish() == "a0"
        await settled()
        executor.finish()
        assert await stays == ["b0"]
        with pytest.raises(asyncio.CancelledError):
            await gone

    asyncio.run(scenario())


def test_an_error_is_its_requests_own() -> None:
    def fail() -> str:
        raise ValueError("no image")

    async def scenario(pool: Executor) -> None:
        queue: DecodeQueue[str] = DecodeQueue(pool, threads=2, pixels_at_once=10, idle=lambda: None)
        spoilt = queue.run([Decoding(pixels=1, work=fail), *images("a", 3), Decoding(pixels=1, work=fail)])
        results = await asyncio.gather(spoilt, queue.run(images("b", 2)), return_exceptions=True)
        assert isinstance(results[0], ValueError)
        assert results[1] == ["b0", "b1"]

    with ThreadPoolExecutor(2) as pool:
        asyncio.run(scenario(pool))


def test_threads_that_are_shut_down_end_the_request_and_memory_is_given_back_in_a_thread() -> None:
    threads: list[str] = []
    called = threading.Event()

    def idle() -> None:
        threads.append(threading.current_thread().name)
        called.set()

    async def scenario(pool: ThreadPoolExecutor) -> None:
        queue: DecodeQueue[str] = DecodeQueue(pool, threads=1, pixels_at_once=2, idle=idle)
        await queue.run(images("a", 1))
        await queue.run(images("a", 1))
        assert called.wait(30)
        pool.shutdown()
        with pytest.raises(RuntimeError):
            await queue.run(images("b", 1))

    with ThreadPoolExecutor(1, "decode") as pool:
        asyncio.run(scenario(pool))
    assert threads == ["decode_0"]
