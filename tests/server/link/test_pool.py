"""The pool: images get through it, and whoever waits for room has it in turn."""

import asyncio
import os
import sys

import numpy as np
import pytest

from server.link.pool import Pool, PoolReader
from server.link.slots import PAGE_BYTES
from tests.server.link.in_a_loop import in_a_loop
from tests.server.oracle import random_images

_PAGES = 4


async def _turns() -> None:
    """Let all that can go on."""
    for _ in range(5):
        await asyncio.sleep(0)


@in_a_loop
async def test_images_are_read_as_they_were_written() -> None:
    pool = Pool(_PAGES * PAGE_BYTES)
    reader = PoolReader(pool.descriptor)
    images = list(random_images(2, 16))
    await pool.take(1)
    begin = await pool.take(2 * images[0].nbytes)
    pool.write(begin, images)
    np.testing.assert_array_equal(reader.images(begin, 2, 16), images)
    pool.close()
    np.testing.assert_array_equal(reader.images(begin, 2, 16), images)  # whatever the other end does


@pytest.mark.parametrize(("begin", "count"), [(-1, 1), (0, -1), (0, 22), (PAGE_BYTES * _PAGES, 1), (2**40, 1)])
@in_a_loop
async def test_nothing_is_read_outside(begin: int, count: int) -> None:
    pool = Pool(_PAGES * PAGE_BYTES)
    with pytest.raises(ValueError, match="images"):
        PoolReader(pool.descriptor).images(begin, count, 16)


@in_a_loop
async def test_who_waits_first_is_first() -> None:
    pool = Pool(_PAGES * PAGE_BYTES)
    slot = await pool.take(3 * PAGE_BYTES)
    large, small = asyncio.create_task(pool.take(4 * PAGE_BYTES)), asyncio.create_task(pool.take(1))
    await _turns()
    assert not large.done()
    assert not small.done()  # although there is room for it
    pool.give_back(slot)
    assert await large == 0
    assert not small.done()
    pool.give_back(0)
    assert await small == 0


@in_a_loop
async def test_who_gives_up_holds_nobody_up_and_keeps_nothing() -> None:
    pool = Pool(_PAGES * PAGE_BYTES)
    slot = await pool.take(3 * PAGE_BYTES)
    large, small = asyncio.create_task(pool.take(4 * PAGE_BYTES)), asyncio.create_task(pool.take(1))
    await _turns()
    large.cancel()
    assert await small == 3 * PAGE_BYTES
    late = asyncio.create_task(pool.take(2 * PAGE_BYTES))
    await _turns()
    pool.give_back(slot)
    late.cancel()  # the slot is its, but it never hears of it
    await asyncio.wait([late])
    pool.give_back(3 * PAGE_BYTES)
    assert await pool.take(4 * PAGE_BYTES) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep the memory until the pool goes")
@in_a_loop
async def test_memory_of_a_large_request_is_given_back() -> None:
    pool = Pool(2**25)
    begin = await pool.take(2**24)
    pool.write(begin, [np.ones((3, 1024, 1024), np.uint8)] * 5)
    used = os.fstat(pool.descriptor).st_blocks
    assert used * 512 >= 15 * 2**20
    pool.give_back(begin)
    assert os.fstat(pool.descriptor).st_blocks == 0
