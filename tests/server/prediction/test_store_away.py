"""While the store is away: what is loaded is answered, what is not yet is 503 and when to come back."""

import httpx
import redis

from registry.registry import Registry
from registry.storage.blobs import Blobs
from server.settings import ServerSettings
from tests.registry.storage.faulty import URL, LibraryError, faulty_store
from tests.server.asking import FILES, publish
from tests.server.oracle import make_bytes
from tests.server.running import running


def _asked(client: httpx.Client, version: int) -> httpx.Response:
    return client.post(f"/tasks/signs/versions/{version}/predict", content=FILES[0])


def test_a_task_that_is_not_loaded_is_503_until_the_store_is_back(
    server_settings: ServerSettings, redis_client: "redis.Redis"
) -> None:
    with faulty_store() as faulty:
        registry = Registry(Blobs(URL), redis_client)
        publish(registry)
        registry.publish("signs", make_bytes(seed=3), actor="test")
        with running(server_settings, registry) as server:
            assert _asked(server.client, 1).status_code == 200
            faulty.fault = LibraryError("no route to host")
            away = _asked(server.client, 2)
            assert (away.status_code, away.json()["title"]) == (503, "bundle unavailable")
            assert int(away.headers["retry-after"]) >= 1
            assert "no route to host" in away.json()["detail"]
            assert _asked(server.client, 1).status_code == 200
            faulty.fault = None
            assert _asked(server.client, 2).status_code == 200
