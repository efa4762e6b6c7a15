"""A real server whose limits are low enough to be reached at once."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from hosting.settings.settings import Settings
from tests.hosting.web.connection.peer import House, Serve
from tests.serving import served


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def serve(house: House) -> Iterator[Serve]:
    """Starts a server with these settings; returns its port."""
    with contextlib.ExitStack() as stack:

        def start(**settings: Any) -> int:
            url = stack.enter_context(served(house.app(), settings=Settings(**settings)))
            return int(url.rpartition(":")[2])

        yield start
