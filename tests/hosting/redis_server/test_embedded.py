import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from hosting.errors import EmbeddedRedisFailed
from hosting.redis_server import embedded as embedded_server
from hosting.redis_server.embedded import EmbeddedRedis, joined
from hosting.settings.settings import Settings
from registry.wiring import connect, redis_service, shared_redis_service

CHILD = """
import sys
from pathlib import Path
from hosting.redis_server.embedded import EmbeddedRedis, joined
from registry.wiring import connect
with EmbeddedRedis(Path(sys.argv[1])) as server:
    client = connect(server.url)
    client.set("key", "value")
    print(client.info("server")["process_id"], flush=True)
    sys.stdin.read()
"""


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "gave up waiting"
        time.sleep(0.01)


def running(process: int) -> bool:
    """Whether a process is there and not just waiting to be collected."""
    return _stat(process)[:1] not in ([], ["Z"])


def parent_of(process: int) -> int:
    return int(_stat(process)[1])


def _stat(process: int) -> list[str]:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return []


def process_id(server: EmbeddedRedis) -> int:
    with contextlib.closing(connect(server.url)) as client:
        return int(client.info("server")["process_id"])


def test_it_is_a_real_durable_redis(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server, contextlib.closing(connect(server.url)) as client:
        assert client.config_get("appendfsync") == {"appendfsync": "always"}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        client.set("key", "value")
        identity = process_id(server)
    assert not running(identity)
    with EmbeddedRedis(tmp_path) as server, contextlib.closing(connect(server.url)) as client:
        assert client.get("key") == b"value"


def test_it_starts_under_a_very_long_path(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    with EmbeddedRedis(folder) as server, contextlib.closing(connect(server.url)) as client:
        assert client.ping()
        socket = server.url.removeprefix("unix://").split("?")[0]
        assert (folder / "appendonly.aof").exists() or (folder / "appendonlydir").exists()
    assert not Path(socket).parent.exists() or Path(socket).parent == folder


def test_only_this_user_can_open_the_socket(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path):
        assert (tmp_path / "redis.sock").stat().st_mode & 0o077 == 0


def test_it_dies_with_its_killed_parent_and_keeps_its_data(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CHILD, str(tmp_path)]
    parent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert parent.stdin is not None
    server = int(parent.stdout.readline())
    assert running(server)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait_for(lambda: not running(server))
    parent.stdout.close()
    parent.stdin.close()
    with EmbeddedRedis(tmp_path) as again, contextlib.closing(connect(again.url)) as client:
        assert client.get("key") == b"value"


def test_it_dies_with_its_killed_guardian(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        identity = process_id(server)
        os.kill(parent_of(identity), signal.SIGKILL)
        wait_for(lambda: not running(identity))


def test_ctrl_c_in_the_terminal_does_not_reach_it(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        assert os.getpgid(process_id(server)) != os.getpgrp()


def test_one_server_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_server, "START_SECONDS", 0.3)
    with (
        EmbeddedRedis(tmp_path),
        pytest.raises(EmbeddedRedisFailed, match="another server is using this folder"),
        EmbeddedRedis(tmp_path),
    ):
        pytest.fail("two servers on one folder")


def test_a_server_that_cannot_start_says_where_to_look(tmp_path: Path) -> None:
    (tmp_path / "appendonly.aof").write_text("this is not an append-only file\n" * 9)
    (tmp_path / "appendonlydir").write_text("not a folder")
    with pytest.raises(EmbeddedRedisFailed, match=r"redis\.log"):
        EmbeddedRedis(tmp_path).start()


def test_no_executable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(EmbeddedRedisFailed, match="no redis-server on PATH"):
        EmbeddedRedis(tmp_path).start()


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
