from collections.abc import Iterator

import pytest

from tests import tiny_bottleneck


@pytest.fixture(scope="module")
def knows_tiny_bottleneck() -> Iterator[None]:
    """For modules of tests that ask for it: others list the architectures that there are."""
    with tiny_bottleneck.known():
        yield
