"""The address of Redis: what no client could be made of is refused before one is tried, without telling a password."""

from collections.abc import Mapping
from typing import Any

import redis
from redis.connection import parse_url

from hosting.errors import SettingsInvalid

_SETTING = "NETTAILOR_REDIS_URL"
_SCHEMES = ("redis://", "rediss://", "unix://")
_OURS = {  # options that say in what form answers come, which is not for the URL to say: our code reads one form
    "decode_responses": "answers are read as bytes",
    "encoding": "text is written as UTF-8",
}
_PROTOCOL = "2"


def check_address(url: str) -> None:
    """Raises `SettingsInvalid`, whose text has nothing of the URL in it but names of options."""
    if not url.startswith(_SCHEMES):
        raise _refused(f"it must begin with one of {', '.join(_SCHEMES)}")
    try:
        options: Mapping[str, Any] = parse_url(url)  # type: ignore[no-untyped-call]  # redis has not typed it
        redis.ConnectionPool.from_url(url).make_connection()  # nothing is connected yet
    except (ValueError, redis.RedisError) as fault:  # whose text may have half a password in it
        reason = "its port, its database or the value of an option is none; in a password, / ? # @ are percent-encoded"
        raise _refused(reason) from fault
    except TypeError as fault:  # an option that no connection knows
        raise _refused(f"it has an option that is none: {str(fault).rpartition(' ')[2]}") from fault
    for option, reason in _OURS.items():
        if option in options:
            raise _refused(f"it must not have the option {option}: {reason}")
    if str(options.get("protocol", _PROTOCOL)) != _PROTOCOL:
        raise _refused("its option protocol can only be 2; leave it out")


def _refused(reason: str) -> SettingsInvalid:
    return SettingsInvalid([(_SETTING, reason)])
