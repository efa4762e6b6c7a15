"""What one of several fronts may use."""

import pytest

from server.front.shares import share
from server.settings import ServerSettings


def test_limits_are_shared_out() -> None:
    settings = ServerSettings(max_connections=7, decode_threads=2, bodies_bound_bytes=900, max_body_bytes=100)
    found = share(settings, 3)
    assert (found.max_connections, found.decode_threads, found.bodies_bound_bytes) == (3, 1, 300)
    assert found.max_body_bytes == 100


@pytest.mark.parametrize(("bound_bytes", "expected"), [(900, 100), (60, 60)])
def test_a_body_that_one_process_takes_is_taken_by_each_of_many_fronts(bound_bytes: int, expected: int) -> None:
    settings = ServerSettings(bodies_bound_bytes=bound_bytes, max_body_bytes=100)
    assert share(settings, 64).bodies_bound_bytes == expected
