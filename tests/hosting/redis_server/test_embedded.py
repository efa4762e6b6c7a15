import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from hosting.errors import EmbeddedRedisFailed
from hosting.redis_server import embedded as embedded_server
from hosting.redis_server.embedded import EmbeddedRedis
from registry.wiring import connect
from tests.processes.liveness import is_running
from tests.processes.redis_server import process_id
from tests.waiting import until

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


def test_it_is_a_real_durable_redis(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server, contextlib.closing(connect(server.url)) as client:
        assert client.config_get("appendfsync") == {"appendfsync": "always"}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        client.set("key", "value")
        identity = process_id(server)
    assert not is_running(identity)
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
    assert is_running(server)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    until(lambda: not is_running(server))
    parent.stdout.close()
    parent.stdin.close()
    with EmbeddedRedis(tmp_path) as again, contextlib.closing(connect(again.url)) as client:
        assert client.get("key") == b"value"


def test_it_dies_with_its_killed_guardian(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        identity = process_id(server)
        psutil.Process(identity).parent().kill()
        until(lambda: not is_running(identity))


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


@pytest.mark.parametrize("lacking", ["folder", "lock"])
def test_a_folder_that_cannot_be_written_into(tmp_path: Path, lacking: str) -> None:
    folder = tmp_path / "redis"
    if lacking == "folder":
        folder.write_bytes(b"")
    else:
        (folder / "redis.lock").mkdir(parents=True)
    with pytest.raises(EmbeddedRedisFailed, match=r"redis does not start: (File exists|Is a directory)"):
        EmbeddedRedis(folder).start()


def test_what_a_killed_server_was_rewriting_is_removed(tmp_path: Path) -> None:
    (tmp_path / "appendonlydir").mkdir()
    left = [tmp_path / "temp-1.rdb", tmp_path / "appendonlydir" / "temp-rewriteaof-bg-1.aof"]
    for path in left:
        path.write_bytes(b"half")
    with EmbeddedRedis(tmp_path):
        assert not any(path.exists() for path in left)


def test_no_executable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(EmbeddedRedisFailed, match="no redis-server or valkey-server on PATH"):
        EmbeddedRedis(tmp_path).start()
