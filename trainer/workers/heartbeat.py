"""`python -m trainer.heartbeat`: ends with 0 if a worker of this machine has sent a heartbeat lately."""

import contextlib
import socket
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime

import redis
import rq

from hosting.settings.outset import ending_in_a_line, settings_of
from registry.wiring import connect, redis_service
from trainer.settings import Settings

PATIENCE_SECONDS = 60.0  # workers send a heartbeat every few seconds, also while a job runs
_WATCH_SECONDS = 6.0
_LOOK_SECONDS = 0.25


def heartbeats(client: "redis.Redis", hostname: str) -> Mapping[str, datetime]:
    """The latest heartbeat of each worker of this host that is registered, by name."""
    return {
        worker.name: worker.last_heartbeat
        for worker in rq.Worker.all(connection=client)
        if worker.hostname == hostname and worker.last_heartbeat is not None
    }


def why_dead(client: "redis.Redis", hostname: str, *, watch_s: float = _WATCH_SECONDS) -> str | None:
    """Why no worker of this host seems to be alive; None if one is.

    Where the latest heartbeat is not of the last minute by the clock, the clock may have been set, or the machine may
    have slept: then whoever sends another one within `watch_s` seconds is alive.
    """
    found = heartbeats(client, hostname)
    if not found:
        return "no worker of this machine is registered"
    silence = (datetime.now(UTC) - max(found.values())).total_seconds()
    if 0 <= silence <= PATIENCE_SECONDS or _beats(client, hostname, found, watch_s):
        return None
    return f"no worker of this machine has sent a heartbeat for {watch_s:.0f} s; the clock says for {silence:.0f} s"


def _beats(client: "redis.Redis", hostname: str, found: Mapping[str, datetime], watch_s: float) -> bool:
    deadline = time.monotonic() + watch_s
    while time.monotonic() < deadline:
        if any(found.get(name) != heartbeat for name, heartbeat in heartbeats(client, hostname).items()):
            return True
        time.sleep(_LOOK_SECONDS)  # heartbeats are written by other processes, which tell nobody
    return False


def main() -> None:
    settings = settings_of(Settings)
    if settings.redis_url is None:
        sys.exit("NETTAILOR_REDIS_URL is not set: workers of an embedded Redis are watched by whoever started them")
    with ending_in_a_line(), redis_service(settings) as url, contextlib.closing(connect(url)) as client:
        why = why_dead(client, socket.gethostname())
    if why is not None:
        sys.exit(why)
