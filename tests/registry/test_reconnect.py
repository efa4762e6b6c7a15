import contextlib
import os
import signal
from pathlib import Path

from hosting.redis_server.embedded import EmbeddedRedis
from registry.journal.records import AliasMoved, Records
from registry.reconnect import Reconnect
from registry.registry import LIVE, Registry
from registry.storage.blobs import Blobs
from registry.wiring import connect
from tests.bundles import tiny_bytes
from tests.processes.redis_server import process_id
from tests.waiting import until


def test_what_redis_missed_is_in_the_index_soon_after_it_is_back(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path / "redis")
    server.start()
    try:
        with contextlib.closing(connect(server.url)) as client:
            registry = Registry(Blobs(str(tmp_path / "blobs")), client)
            registry.publish("signs", tiny_bytes(), actor="me")
            with Reconnect(registry, client, poll_seconds=0.01):
                os.kill(process_id(server), signal.SIGKILL)
                record = AliasMoved(
                    task="signs",
                    sequence=2,
                    at="2026-01-01T00:00:00+00:00",
                    actor="me",
                    alias=LIVE,
                    before=None,
                    after=1,
                    rollback=False,
                    reason="",
                )
                assert Records(registry.blobs.store).append(record)
                server.stop()
                server.start()
                until(lambda: registry.index.state("signs").aliases == {LIVE: 1})
    finally:
        server.stop()
