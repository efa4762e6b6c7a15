import asyncio
import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from unittest import mock

import pytest

from server.prediction.deliveries import result_of


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with contextlib.closing(asyncio.new_event_loop()) as loop:
        yield loop


def test_what_ends_while_the_loop_is_busy_is_told_in_one_wake_up(loop: asyncio.AbstractEventLoop) -> None:
    futures: list[Future[int]] = [Future() for _ in range(20)]

    def end_all() -> None:
        for number, future in enumerate(futures):
            future.set_result(number)

    async def ask() -> list[int]:
        asked = [asyncio.ensure_future(result_of(future)) for future in futures]
        await asyncio.sleep(0)  # all of them wait
        thread = threading.Thread(target=end_all)
        thread.start()
        thread.join()  # on the loop, so that it is busy meanwhile
        return await asyncio.gather(*asked)

    with mock.patch.object(loop, "call_soon_threadsafe", wraps=loop.call_soon_threadsafe) as wake:
        assert loop.run_until_complete(ask()) == list(range(20))
    assert wake.call_count == 1


def test_what_ends_later_wakes_the_loop_again(loop: asyncio.AbstractEventLoop) -> None:
    async def ask() -> list[int]:
        found = []
        for number in range(3):
            future: Future[int] = Future()
            threading.Timer(0.0, future.set_result, (number,)).start()
            found.append(await result_of(future))
        return found

    assert loop.run_until_complete(ask()) == [0, 1, 2]


def test_an_error_is_raised_and_a_cancelled_future_cancels_who_waits(loop: asyncio.AbstractEventLoop) -> None:
    broken: Future[int] = Future()
    broken.set_exception(ValueError("broken"))
    with pytest.raises(ValueError, match="broken"):
        loop.run_until_complete(result_of(broken))
    taken_back: Future[int] = Future()
    taken_back.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(result_of(taken_back))


def test_who_gives_up_takes_back_what_has_not_begun_and_disturbs_nobody_else(loop: asyncio.AbstractEventLoop) -> None:
    given_up: Future[int] = Future()
    begun: Future[int] = Future()
    begun.set_running_or_notify_cancel()
    other: Future[int] = Future()

    async def ask() -> int:
        asked = [asyncio.ensure_future(result_of(future)) for future in (given_up, begun, other)]
        await asyncio.sleep(0)
        for each in asked[:2]:
            each.cancel()
        await asyncio.sleep(0)
        begun.set_result(1)  # for nobody
        other.set_result(2)
        return await asked[2]

    assert loop.run_until_complete(ask()) == 2
    assert given_up.cancelled()


def test_a_result_that_comes_after_the_loop_was_closed_is_for_nobody() -> None:
    loop = asyncio.new_event_loop()
    future: Future[int] = Future()
    future.set_running_or_notify_cancel()

    async def give_up() -> None:
        asked = asyncio.ensure_future(result_of(future))
        await asyncio.sleep(0)
        asked.cancel()

    loop.run_until_complete(give_up())
    loop.close()
    future.set_result(1)
