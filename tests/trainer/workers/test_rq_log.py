"""A lost Redis is one line in the log; what is a fault of ours keeps its traceback."""

import logging
from collections.abc import Iterator

import pytest
import redis

from trainer.errors import QueueUnavailable
from trainer.settings import Settings
from trainer.workers.rq_log import configure_rq_log, ends_in_a_line, without_traceback
from trainer.workers.worker import TrainerWorker

RQ = logging.getLogger("rq.worker")


@pytest.fixture
def configured() -> Iterator[None]:
    before = list(RQ.filters)
    configure_rq_log()
    yield
    RQ.filters[:] = before


@pytest.mark.parametrize(
    ("fault", "stays"),
    [
        (redis.ConnectionError("refused"), False),
        (redis.TimeoutError("slow"), False),
        (QueueUnavailable("away"), False),
        (KeyError("task"), True),
    ],
)
def test_whose_traceback_is_shown(fault: Exception, *, stays: bool) -> None:
    reason = (type(fault), fault, None)
    record = logging.LogRecord("rq.worker", logging.ERROR, __file__, 1, "quitting", None, reason)
    assert without_traceback(record)
    assert bool(record.exc_info) == stays


def test_records_without_any_pass() -> None:
    assert without_traceback(logging.LogRecord("rq.worker", logging.INFO, __file__, 1, "listening", None, None))


def test_a_worker_without_redis_ends_and_says_why(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SystemExit) as ended, ends_in_a_line():
        raise redis.ConnectionError("refused")
    assert ended.value.code == 1
    assert [(record.message, record.exc_info) for record in caplog.records] == [
        ("ending, for Redis is away: refused", None)
    ]


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize(("level", "lines"), [(logging.INFO, False), (logging.DEBUG, True)])
def test_an_idle_worker_logs_nothing_of_its_housekeeping(
    settings: Settings, redis_client: "redis.Redis", caplog: pytest.LogCaptureFixture, level: int, *, lines: bool
) -> None:
    """RQ repeats both every three seconds."""
    worker = TrainerWorker.of(settings, redis_client)
    with caplog.at_level(level, "rq.worker"):
        worker.clean_registries()
        worker.clean_group_registries()  # type: ignore[no-untyped-call]  # RQ has not typed it
    told = [record for record in caplog.records if "cleaning" in record.getMessage()]
    assert bool(told) == lines
