"""Whether Redis can be used now, and how its faults become ours: with real ones that are gone or cannot write."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from hosting.redis_server import presence
from hosting.redis_server.embedded import EmbeddedRedis
from hosting.redis_server.faults import RedisAway, away
from hosting.redis_server.presence import absence
from registry.wiring import connect
from tests.waiting import until


@pytest.fixture
def unable_to_write(tmp_path: Path) -> Iterator[str]:
    """The URL of a Redis that refuses to write because a file of its own could not be replaced."""
    (tmp_path / "dump.rdb" / "in the way").mkdir(parents=True)
    with EmbeddedRedis(tmp_path) as server, contextlib.closing(connect(server.url)) as client:
        client.config_set("save", "3600 100000")
        client.bgsave()
        until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err")
        yield server.url
        client.config_set("save", "")  # or it refuses to end while it cannot save


def test_one_that_answers(redis_url: str) -> None:
    assert asyncio.run(absence(redis_url)) is None


def test_one_that_is_gone(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        url = server.url
    assert asyncio.run(absence(url)) == "it cannot be reached"


def test_one_that_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "PATIENCE_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert asyncio.run(absence(f"redis://127.0.0.1:{silent.getsockname()[1]}")) == "no answer within 0.05 s"


def test_one_that_cannot_write(unable_to_write: str) -> None:
    assert "MISCONF" in str(asyncio.run(absence(unable_to_write)))


def test_to_be_unable_to_write_is_to_be_away(unable_to_write: str) -> None:
    with contextlib.closing(connect(unable_to_write)) as client:
        with pytest.raises(RedisAway, match="MISCONF"), away():
            client.set("key", "value")
        with client.pipeline() as pipeline:
            pipeline.set("key", "value")
            with pytest.raises(RedisAway, match="MISCONF"), away():
                pipeline.execute()


def test_a_wrong_command_is_an_error_of_ours(redis_client: "redis.Redis") -> None:
    with pytest.raises(redis.ResponseError, match="wrong number of arguments"), away():
        redis_client.execute_command("GET")  # type: ignore[no-untyped-call]  # redis-py has not typed it
