"""Batches are small here, and are to be cut all the same where an engine has lanes."""

from collections.abc import Iterator

import pytest

from server.engine import batch_cost


@pytest.fixture(autouse=True, scope="session")
def _lanes_take_few_rows() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(batch_cost, "_LEAST_ROWS", 4)
        yield
