"""Buckets that processes share hold as many tokens as those of one process."""

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosting.access.rates.rate_limit import Buckets, TokenBuckets
from hosting.access.rates.shared_buckets import SharedBuckets, new_buckets
from hosting.errors import RateExceeded

_TICK_S = 1 / 64  # exact in binary, so that both sides round nothing


def _took(buckets: TokenBuckets, who: object) -> int | None:
    """None, or how many seconds to wait."""
    try:
        buckets.take(who)
    except RateExceeded as refusal:
        return refusal.retry_after_seconds
    return None


@given(
    burst=st.integers(1, 5),
    per_second=st.sampled_from([1, 4, 16]),
    steps=st.lists(st.tuples(st.integers(0, 100), st.sampled_from("ab"), st.booleans()), max_size=60),
)
def test_two_that_share_are_one(burst: int, per_second: int, steps: list[tuple[int, str, bool]]) -> None:
    now = 0.0
    file = new_buckets()
    try:
        shared = [SharedBuckets(file, per_second=per_second, burst=burst, clock=lambda: now) for _ in range(2)]
        single = Buckets(per_second=per_second, burst=burst, clock=lambda: now)
        for ticks, who, other in steps:
            now += ticks * _TICK_S
            assert _took(shared[other], (True, who)) == _took(single, (True, who))
    finally:
        os.close(file)


def test_more_callers_than_places_cost_nobody_a_token_that_is_his(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose bucket is fullest makes room: who was refused stays refused."""
    monkeypatch.setattr("hosting.access.rates.shared_buckets._SETS", 1)
    file = new_buckets()
    try:
        buckets = SharedBuckets(file, per_second=0.001, burst=2, clock=lambda: 1.0)
        assert [_took(buckets, "greedy") is None for _ in range(3)] == [True, True, False]
        assert all(_took(buckets, f"guest {number}") is None for number in range(100))
        assert _took(buckets, "greedy") is not None
    finally:
        os.close(file)


_TAKE = """
import sys
from hosting.access.rates.shared_buckets import SharedBuckets
from hosting.errors import RateExceeded
buckets, taken = SharedBuckets(int(sys.argv[1]), per_second=1e-6, burst=300), 0
for _ in range(200):
    try:
        buckets.take("caller")
        taken += 1
    except RateExceeded:
        pass
print(taken)
"""


def test_processes_that_take_at_once_take_no_token_twice() -> None:
    file = new_buckets()
    try:
        command = [sys.executable, "-c", _TAKE, str(file)]
        takers = [subprocess.Popen(command, stdout=subprocess.PIPE, pass_fds=[file]) for _ in range(2)]
        assert sum(int(taker.communicate()[0]) for taker in takers) == 300
    finally:
        os.close(file)
