"""URLs of Redis that no client could be made of, or that would change how answers come, are refused in one line."""

import pytest

from hosting.errors import SettingsInvalid
from hosting.redis_server.address import check_address


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost:6379/0",
        "rediss://:p%2Fss@host",
        "unix:///run/redis.sock?db=1",
        "redis://host?protocol=2",
        "redis://user:word@host:1/2?socket_timeout=3",
    ],
)
def test_what_people_write_is_taken(url: str) -> None:
    check_address(url)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("localhost:6379", "it must begin with one of redis://"),
        ("redis://localhost:none", "its port"),
        ("redis://:half/word@localhost:6379", "percent-encoded"),
        ("redis://localhost?socket_timeout=soon", "the value of an option"),
        ("redis://localhost?nonsense=1", "an option that is none: 'nonsense'"),
        ("redis://localhost?protocol=3", "protocol can only be 2"),
        ("redis://localhost?decode_responses=true", "answers are read as bytes"),
    ],
)
def test_what_cannot_work_is_refused_and_no_password_is_told(url: str, reason: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        check_address(url)
    told = str(refused.value)
    assert told.startswith("NETTAILOR_REDIS_URL: ")
    assert reason in told
    assert "half" not in told
    assert "\n" not in told
