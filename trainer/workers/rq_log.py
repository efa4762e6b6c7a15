"""What RQ logs: that Redis is away is one line, not a traceback each, for that is expected now and then; and nothing of
its housekeeping, which it does every few seconds for as long as there is no job."""

import contextlib
import logging
from collections.abc import Iterator

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from hosting.redis_server.faults import RedisAway
from trainer.errors import QueueUnavailable

logger = logging.getLogger(__name__)

AWAY = (RedisConnectionError, RedisTimeoutError, RedisAway, QueueUnavailable)


_HOUSEKEEPING = "Worker %s: cleaning"


def configure_rq_log() -> None:
    """Once a process, when it begins."""
    log = logging.getLogger("rq.worker")
    log.addFilter(without_traceback)
    log.addFilter(without_housekeeping)


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


def without_housekeeping(record: logging.LogRecord) -> bool:
    """A filter of loggers: RQ's lines about its own cleaning pass at level DEBUG alone."""
    return not str(record.msg).startswith(_HOUSEKEEPING) or logging.getLogger(record.name).isEnabledFor(logging.DEBUG)
