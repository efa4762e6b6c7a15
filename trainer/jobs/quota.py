"""The limit on an actor's open jobs, which any number of services keep together."""

import contextlib
import hashlib
import time
from collections.abc import Iterator
from typing import Any, cast

from redis.exceptions import WatchError

from trainer.errors import QueueUnavailable, TooManyJobs
from trainer.jobs.job import Job
from trainer.jobs.store import JobStore
from trainer.redis_errors import reachable

_KEPT_SECONDS = 600.0  # a place that a killed service had taken is free again after this
_SOON_SECONDS, _LATE_SECONDS = 5.0, 300.0  # bounds of what `Retry-After` says
_UNKNOWN_SECONDS = 30.0  # where no job of the actor says when it will end


class Quota:
    """`limit` is the number of open jobs an actor may have, None where there is no limit."""

    def __init__(self, store: JobStore, limit: int | None) -> None:
        self._store = store
        self._limit = limit

    @contextlib.contextmanager
    def room(self, job: Job) -> Iterator[None]:
        """Hold a place for one more open job of its actor while it is being written.

        Raises TooManyJobs, QueueUnavailable. Places and open jobs are counted together, so that of several requests
        at once no more than fit get one.
        """
        if self._limit is None:
            yield
            return
        self._take(job, self._limit)
        try:
            yield
        finally:
            with contextlib.suppress(QueueUnavailable), reachable():  # without Redis now, the place expires
                self._store.client.zrem(_key(job.actor), job.id)

    def _take(self, job: Job, limit: int) -> None:
        key = _key(job.actor)
        with reachable(), self._store.client.pipeline() as pipeline:
            while True:
                try:
                    # Giving a place back changes this key, too: then the transaction below fails, and the count is
                    # made again.
                    pipeline.watch(key)  # type: ignore[no-untyped-call]  # redis-py has not typed it
                    places = cast("list[bytes]", pipeline.zrangebyscore(key, time.time() - _KEPT_SECONDS, "+inf"))
                    open_jobs = [found for found in self._store.all_open() if found.actor == job.actor]
                    others = ({place.decode() for place in places} | {found.id for found in open_jobs}) - {job.id}
                    if len(others) >= limit:
                        raise TooManyJobs(job.actor, limit, _wait_seconds(open_jobs))
                    pipeline.multi()
                    self._write(pipeline, key, job)
                    pipeline.execute()
                    return
                except WatchError:
                    continue  # another service changed the places: count again

    def _write(self, pipeline: Any, key: str, job: Job) -> None:
        present = time.time()
        pipeline.zremrangebyscore(key, "-inf", present - _KEPT_SECONDS)
        pipeline.zadd(key, {job.id: present})
        pipeline.expire(key, round(2 * _KEPT_SECONDS))


def _key(actor: str) -> str:
    return f"nettailor:jobs:places:{hashlib.sha256(actor.encode()).hexdigest()}"


def _wait_seconds(open_jobs: list[Job]) -> float:
    """Until the first of them ends, where that is known; within bounds."""
    known = [job.seconds_left for job in open_jobs if job.seconds_left is not None]
    return min(max(min(known), _SOON_SECONDS), _LATE_SECONDS) if known else _UNKNOWN_SECONDS
