"""The Redis that a service uses: a private one under its data folder, one that runs there already, or a given one."""

import contextlib
import socket
from pathlib import Path

import pytest
import redis

from hosting.redis_server.embedded import joined
from hosting.settings.settings import Settings
from registry import wiring
from registry.wiring import connect, redis_service, shared_redis_service


def test_a_given_url_is_used_as_it_is() -> None:
    with redis_service(Settings(redis_url="redis://elsewhere:1")) as url:
        assert url == "redis://elsewhere:1"


def test_without_a_url_the_server_lives_under_the_data_folder(tmp_path: Path) -> None:
    with redis_service(Settings(data_dir=tmp_path)) as url, contextlib.closing(connect(url)) as client:
        assert client.ping()
        assert (tmp_path / "redis" / "redis.lock").exists()
    with pytest.raises(redis.ConnectionError), contextlib.closing(connect(url)) as client:
        client.ping()


@pytest.mark.parametrize("folder", ["short", "long" * 30], ids=["short path", "long path"])
def test_a_second_user_joins_the_server_that_runs(tmp_path: Path, folder: str) -> None:
    assert joined(tmp_path / folder / "redis") is None
    settings = Settings(data_dir=tmp_path / folder)
    with redis_service(settings) as first, shared_redis_service(settings) as second:
        assert joined(tmp_path / folder / "redis") == first == second
        with contextlib.closing(connect(second)) as client:
            assert client.ping()
    assert joined(tmp_path / folder / "redis") is None
    with shared_redis_service(settings) as third, contextlib.closing(connect(third)) as client:
        assert client.ping()  # its own


def test_a_given_url_is_shared_as_it_is() -> None:
    with shared_redis_service(Settings(redis_url="redis://elsewhere:1")) as url:
        assert url == "redis://elsewhere:1"


def test_a_redis_that_stands_still_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "SOCKET_TIMEOUT_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}"
        with contextlib.closing(connect(url)) as client, pytest.raises(redis.TimeoutError):
            client.get("key")
        silent.setblocking(False)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()
