"""Every way to ask wrongly is answered behind two fronts as it is without them."""

from collections.abc import Iterator

import pytest

from hosting.redis_server.embedded import EmbeddedRedis
from tests.server.http.test_problems import asked_server, test_problems
from tests.server.running import Running

__all__ = ["test_problems"]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, redis_server: EmbeddedRedis) -> Iterator[Running]:
    with asked_server(tmp_path_factory.mktemp("asked"), redis_server.url, fronts=2) as server:
        yield server
