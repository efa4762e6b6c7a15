"""Servers that share a count refuse what one server would."""

import dataclasses
import os
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hosting.settings.settings import Settings
from hosting.web.connection.census import Census
from hosting.web.connection.limits import limits_of
from hosting.web.connection.shared_addresses import SharedAddresses, new_addresses

_LIMITS = dataclasses.replace(limits_of(Settings()), connections=100, connections_per_address=2)


@pytest.fixture
def descriptor() -> Iterator[int]:
    descriptor = new_addresses(3)
    yield descriptor
    os.close(descriptor)


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from("ab"), st.booleans()), max_size=40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
def test_three_that_share_are_one(descriptor: int, steps: list[tuple[int, str, bool]]) -> None:
    shared = [Census(_LIMITS, SharedAddresses(descriptor, own=own)) for own in range(3)]
    single, open_ones = Census(_LIMITS), Counter[tuple[int, str]]()
    for which, home, comes in steps:
        if comes:
            found, expected = shared[which].enter(home), single.enter(home)
            assert (found is None) == (expected is None)
            open_ones[which, home] += found is None
        elif open_ones[which, home]:
            open_ones[which, home] -= 1
            shared[which].leave(home)
            single.leave(home)


def test_the_successor_of_one_that_was_killed_begins_with_none(descriptor: int) -> None:
    killed, other = (Census(_LIMITS, SharedAddresses(descriptor, own=own)) for own in range(2))
    for census in (killed, other):
        assert census.enter("a") is None
    refused = other.enter("a")
    assert refused is not None
    assert refused.status == 429
    successor = Census(_LIMITS, SharedAddresses(descriptor, own=0))
    assert successor.enter("a") is None
    assert successor.enter("a") is not None
