"""What RQ logs: that Redis is away is one line, not a traceback each; Redis is expected to be away now and then."""

import contextlib
import logging
from collections.abc import Iterator

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from hosting.redis_server.faults import RedisAway
from trainer.errors import QueueUnavailable

logger = logging.getLogger(__name__)

AWAY = (RedisConnectionError, RedisTimeoutError, RedisAway, QueueUnavailable)


def tell_lost_redis_in_a_line() -> None:
    """Once a process, when it begins."""
    logging.getLogger("rq.worker").addFilter(without_traceback)


@contextlib.contextmanager
def ends_in_a_line() -> Iterator[None]:
    """A process that cannot go on without Redis says so and ends; whoever watches over it starts it again."""
    try:
        yield
    except AWAY as fault:
        logger.error("ending, for Redis is away: %s", fault)  # the reason is enough
        raise SystemExit(1) from None


def without_traceback(record: logging.LogRecord) -> bool:
    """A filter of loggers: every record passes, those of a lost Redis without their tracebacks."""
    fault = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    if isinstance(fault, AWAY):
        record.exc_info = None
    return True
