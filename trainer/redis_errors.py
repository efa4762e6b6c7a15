"""Redis's errors as the trainer's own: without Redis there is no queue."""

import contextlib
from collections.abc import Iterator

from hosting.redis_server.faults import RedisAway, away
from registry.errors import IndexUnavailable
from trainer.errors import QueueUnavailable


@contextlib.contextmanager
def reachable() -> Iterator[None]:
    """Turn a lost Redis into QueueUnavailable, whether the queue or the registry needed it."""
    try:
        with away():
            yield
    except (RedisAway, IndexUnavailable) as fault:
        raise QueueUnavailable(str(fault)) from fault
