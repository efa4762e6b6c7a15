"""Which errors of Redis say that it cannot serve now, and may again later, rather than that a command was wrong."""

import contextlib
from collections.abc import Iterator

import redis
from redis.exceptions import OutOfMemoryError, ReadOnlyError

_AWAY = (redis.ConnectionError, redis.TimeoutError, ReadOnlyError, OutOfMemoryError)
_CANNOT_WRITE = "MISCONF"  # in a pipeline the error's code does not come first


class RedisAway(Exception):
    """Only between `away` and whoever turns it into an error of its own."""


@contextlib.contextmanager
def away() -> Iterator[None]:
    """Turns errors of a Redis that is gone, is starting, or cannot write its files (a full disk) into `RedisAway`."""
    try:
        yield
    except _AWAY as fault:
        raise RedisAway(str(fault)) from fault
    except redis.ResponseError as fault:
        if _CANNOT_WRITE not in str(fault):
            raise
        raise RedisAway(str(fault)) from fault
