"""`python -m trainer.heartbeat`: ends with 0 if a worker of this machine has sent a heartbeat lately."""

import contextlib
import socket
import sys
from datetime import UTC, datetime

import redis
import rq

from hosting.web.process import ending_in_a_line, settings_of
from registry.wiring import connect, redis_service
from trainer.settings import Settings

PATIENCE_SECONDS = 60.0  # workers send a heartbeat every few seconds, also while a job runs


def silence_seconds(client: "redis.Redis", hostname: str) -> float | None:
    """Time since the latest heartbeat of any worker of this host; None where no worker is registered."""
    heard = [
        worker.last_heartbeat
        for worker in rq.Worker.all(connection=client)
        if worker.hostname == hostname and worker.last_heartbeat is not None
    ]
    return (datetime.now(UTC) - max(heard)).total_seconds() if heard else None


def main() -> None:
    settings = settings_of(Settings)
    if settings.redis_url is None:
        sys.exit("NETTAILOR_REDIS_URL is not set: workers of an embedded Redis are watched by whoever started them")
    with ending_in_a_line(), redis_service(settings) as url, contextlib.closing(connect(url)) as client:
        silence = silence_seconds(client, socket.gethostname())
    if silence is None:
        sys.exit("no worker of this machine is registered")
    if silence > PATIENCE_SECONDS:
        sys.exit(f"no worker of this machine has been heard of for {silence:.0f} s")
