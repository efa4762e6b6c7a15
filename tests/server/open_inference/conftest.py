"""One server for each module of tests."""

from collections.abc import Iterator

import pytest

from registry.registry import Registry
from server.settings import ServerSettings
from tests.server.running import Running, running


@pytest.fixture(scope="module")
def open_server(settings: ServerSettings, stocked: Registry) -> Iterator[Running]:
    with running(settings, stocked) as server:
        yield server
