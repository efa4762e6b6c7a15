"""Things under way at once, in threads and as tasks."""

import asyncio
import threading
from functools import partial

import httpx
import pytest

from nettailor_client.folders.groups import group
from nettailor_client.operation import run
from nettailor_client.transport import BlockingTransport, LoopTransport


async def _fail() -> None:
    raise ValueError("it went wrong")


def test_threads_are_as_many_as_may_be_and_raise_what_the_work_raised() -> None:
    running, most, together = 0, 0, threading.Barrier(2)

    async def work() -> int:
        nonlocal running, most
        running += 1
        together.wait()  # two at once, and the next two only when these are done
        most = max(most, running)
        together.wait()
        running -= 1
        return threading.get_ident()

    with httpx.Client() as http:
        threads = group(BlockingTransport(http), 2)
        started = [threads.start(work) for _ in range(4)]
        assert len({run(one.result()) for one in started}) == 2
        assert most == 2
        with pytest.raises(ValueError, match="it went wrong"):
            run(threads.start(_fail).result())
        run(threads.close())


def test_tasks_take_turns_and_are_given_up_when_the_group_is_closed() -> None:
    async def main() -> None:
        begun, ended = list[int](), list[int]()

        async def work(number: int) -> int:
            begun.append(number)
            if number == 3:
                await asyncio.Event().wait()
            ended.append(number)
            return number

        async with httpx.AsyncClient() as http:
            tasks = group(LoopTransport(http), 1)
            started = [tasks.start(partial(work, number)) for number in range(6)]
            assert [await one.result() for one in started[:3]] == [0, 1, 2]
            with pytest.raises(ValueError, match="it went wrong"):
                await group(LoopTransport(http), 1).start(_fail).result()
            await tasks.close()
        assert (begun, ended) == ([0, 1, 2, 3], [0, 1, 2])

    asyncio.run(main())
