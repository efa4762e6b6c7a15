"""The password of Redis from a file: for the real client and a real Redis that asks for it."""

from pathlib import Path

import pytest
import redis
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from hosting.errors import PasswordFileUnusable
from hosting.redis_server.embedded import EmbeddedRedis
from hosting.redis_server.password import with_password
from hosting.settings.settings import Settings
from registry.wiring import connect, redis_service

_URLS = ("redis://redis:6379/0", "redis://:old@redis:6379/0", "rediss://ann@redis/3", "unix:///run/redis.sock?db=1")
_LINE = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=40)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # the file is written anew each time
@given(password=_LINE, url=st.sampled_from(_URLS))
def test_the_client_reads_the_password_back(tmp_path: Path, password: str, url: str) -> None:
    (tmp_path / "password").write_text(f"{password}\n", encoding="utf-8")
    told = redis.ConnectionPool.from_url(with_password(url, tmp_path / "password")).connection_kwargs
    before = redis.ConnectionPool.from_url(url).connection_kwargs
    assert told["password"] == password
    for other in ("host", "port", "path", "username", "db"):
        assert told.get(other) == before.get(other)


def test_services_log_in_with_it(redis_server: EmbeddedRedis, redis_client: "redis.Redis", tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("p@ss/word: ü\n", encoding="utf-8")
    redis_client.acl_setuser("service", enabled=True, passwords=["+p@ss/word: ü"], commands=["+@all"], keys=["*"])
    try:
        url = redis_server.url.replace("unix://", "unix://service@").replace("redis://", "redis://service@")
        with redis_service(Settings(redis_url=url, redis_password_file=file)) as found, connect(found) as client:
            assert client.acl_whoami() == "service"
    finally:
        redis_client.acl_deluser("service")


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff"])
def test_a_file_without_a_password_stops_the_start(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    settings = Settings(redis_url="redis://redis", redis_password_file=file)
    with pytest.raises(PasswordFileUnusable, match="password of Redis"), redis_service(settings):
        pass
