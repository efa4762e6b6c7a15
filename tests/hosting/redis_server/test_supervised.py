"""The Redis of a service is back soon after it died, at the same place and with the same data."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import psutil
import pytest
import redis

from hosting.redis_server import supervised
from hosting.redis_server.embedded import joined
from hosting.redis_server.supervised import SupervisedRedis
from registry.wiring import connect
from tests.processes.liveness import is_running
from tests.processes.redis_server import append_only
from tests.waiting import until


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SupervisedRedis]:
    with SupervisedRedis(tmp_path, first_pause_seconds=0.01) as server:
        yield server


def _pid(server: SupervisedRedis) -> int | None:
    with contextlib.suppress(redis.ConnectionError), contextlib.closing(connect(server.url)) as client:
        return int(client.info("server")["process_id"])
    return None


def _kill(server: SupervisedRedis) -> int:
    """Kill it with -9; returns the process of its successor."""
    before = until(lambda: _pid(server))
    psutil.Process(before).kill()
    return int(until(lambda: (found := _pid(server)) and found != before and found))


def test_a_killed_server_comes_back_with_all_it_acknowledged(server: SupervisedRedis) -> None:
    with contextlib.closing(connect(server.url)) as client:
        for number in range(3):
            client.set("key", number)
            _kill(server)
            assert until(lambda: _value(client)) == str(number).encode()  # the same client, which connects again


def _value(client: "redis.Redis") -> bytes | None:
    with contextlib.suppress(redis.ConnectionError):
        return cast("bytes | None", client.get("key"))
    return None


def test_it_comes_back_where_the_path_is_too_long_for_a_socket(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    with SupervisedRedis(folder, first_pause_seconds=0.01) as server:
        _kill(server)
        assert joined(folder) == server.url


def test_it_comes_back_after_its_guardian_was_killed(server: SupervisedRedis) -> None:
    before = until(lambda: _pid(server))
    psutil.Process(before).parent().kill()
    until(lambda: _pid(server) not in {None, before})


def test_none_is_started_once_it_was_told_to_stop(tmp_path: Path) -> None:
    with SupervisedRedis(tmp_path, first_pause_seconds=60.0) as server:
        last = until(lambda: _pid(server))
        psutil.Process(last).kill()
        until(lambda: not is_running(last))
    assert joined(tmp_path) is None  # and leaving did not take the minute


def test_one_whose_data_is_damaged_is_tried_again_and_again_with_growing_pauses(
    server: SupervisedRedis, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervised, "_LONGEST_PAUSE_SECONDS", 0.04)
    with contextlib.closing(connect(server.url)) as client:
        client.set("key", "value")
    kept = append_only(tmp_path)
    [file] = kept.glob("*.incr.aof") if kept.is_dir() else [kept]
    whole = file.read_bytes()
    file.write_bytes(b"not such a file\n" + whole)
    with caplog.at_level(logging.ERROR):
        psutil.Process(until(lambda: _pid(server))).kill()
        told = until(lambda: len(found := [text for text in caplog.messages if "in a row" in text]) > 4 and found)
    pauses = [text.split("again in ")[1].split(" s")[0] for text in told[:5]]
    assert pauses == ["0.01", "0.02", "0.04", "0.04", "0.04"]
    assert "end 5 in a row" in told[4]
    assert str(tmp_path / "redis.log") in told[4]
    file.write_bytes(whole)  # mended: nothing has to be restarted
    with contextlib.closing(connect(server.url)) as client:
        assert until(lambda: _value(client)) == b"value"
