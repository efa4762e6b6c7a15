"""Redis's errors as the trainer's own: without Redis there is no queue."""

import contextlib
from collections.abc import Iterator

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError
from redis.exceptions import TimeoutError as RedisTimeoutError

from registry.errors import IndexUnavailable
from trainer.errors import QueueUnavailable


@contextlib.contextmanager
def reachable() -> Iterator[None]:
    """Turn a lost Redis into QueueUnavailable, whether the queue or the registry needed it."""
    try:
        yield
    except (RedisConnectionError, RedisTimeoutError, ReadOnlyError, IndexUnavailable) as fault:
        raise QueueUnavailable(str(fault)) from fault
