"""`nettailor doctor` on a Redis of somebody else: passwords in files, users with few rights, clusters."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from cli.doctor.finding import Finding
from cli.doctor.state import Index, redis_answers
from hosting.redis_server.embedded import EmbeddedRedis
from hosting.redis_server.executable import find_executable
from hosting.settings.settings import Settings
from tests.processes.ports import free_port
from tests.waiting import until

ENOUGH = ("~nettailor:*", "~rq:*", "&rq:*", "+@all", "-@admin", "-@dangerous", "+info")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of a Redis that others may reach, with users `few`, `mute` and `enough`."""
    folder, number = tmp_path_factory.mktemp("redis"), free_port()
    command = [
        find_executable(folder),
        "--port",
        str(number),
        "--dir",
        str(folder),
        "--appendonly",
        "yes",
        "--save",
        "",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            with contextlib.closing(redis.Redis(port=number)) as client:
                until(lambda: _answers(client), process=process)
                for user, rights in (
                    ("few", ("~nettailor:*", "+@all", "-@scripting")),
                    ("mute", ("~*", "&*", "+@all", "-info")),
                    ("enough", ENOUGH),
                ):
                    asked: Any = client  # redis has not typed this
                    # Redis 6 lets a new user into all channels, and says so if one of them is named as well.
                    asked.execute_command("ACL", "SETUSER", user, "resetchannels", "on", ">word-" + user, *rights)
            yield number
        finally:
            process.kill()


def _answers(client: "redis.Redis") -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


def _redis(settings: Settings) -> list[Finding]:
    return [each for each in redis_answers(settings, Index()) if each.check == "redis"]


@pytest.mark.parametrize(
    ("user", "state", "found"),
    [("enough", "ok", "keeps an append-only file"), ("mute", "fail", "may not ask it for INFO")],
)
def test_a_password_comes_from_its_file(tmp_path: Path, port: int, user: str, state: str, found: str) -> None:
    file = tmp_path / "password"
    file.write_text(f"word-{user}\n")
    url = f"redis://{user}@127.0.0.1:{port}"
    [told] = _redis(Settings(data_dir=tmp_path, redis_url=url, redis_password_file=file))
    assert told.state == state
    assert found in told.found


def test_what_a_user_may_not_do_is_told_before_a_job_finds_out(tmp_path: Path, port: int) -> None:
    url = f"redis://few:word-few@127.0.0.1:{port}"
    told = _redis(Settings(data_dir=tmp_path, redis_url=url))[-1]
    assert told.state == "fail"
    assert "commands are refused" in told.found
    assert "~rq:*" in told.advice


def test_nothing_is_left_by_asking(tmp_path: Path, port: int) -> None:
    _redis(Settings(data_dir=tmp_path, redis_url=f"redis://enough:word-enough@127.0.0.1:{port}"))
    with contextlib.closing(redis.Redis(port=port)) as client:
        assert client.dbsize() == 0


@pytest.mark.parametrize(
    ("written", "found"), [(None, "no password of Redis in"), ("wrong", "it lets nobody in")], ids=["none", "wrong"]
)
def test_a_password_file_that_is_none_or_wrong(tmp_path: Path, port: int, written: str | None, found: str) -> None:
    file = tmp_path / "password"
    if written is not None:
        file.write_text(written)
    settings = Settings(data_dir=tmp_path, redis_url=f"redis://enough@127.0.0.1:{port}", redis_password_file=file)
    [told] = _redis(settings)
    assert told.state == "fail"
    assert found in told.found


def test_an_address_that_is_none(tmp_path: Path) -> None:
    [told] = _redis(Settings(data_dir=tmp_path, redis_url="localhost:6379"))
    assert (told.state, "it must begin with" in told.found) == ("fail", True)


def test_a_cluster_is_none_of_ours(
    tmp_path: Path, redis_server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = redis.Redis.info
    monkeypatch.setattr(redis.Redis, "info", lambda *asked: info(*asked) | {"redis_mode": "cluster"})
    told = _redis(Settings(data_dir=tmp_path, redis_url=redis_server.url))[0]
    assert (told.state, "in cluster mode" in told.found) == ("fail", True)
