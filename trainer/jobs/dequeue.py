"""How a worker takes the next submission: by priority, then by age, within the runs that an actor may have."""

import time
from collections.abc import Iterable
from importlib import resources
from typing import Any

import redis
import rq
from rq.exceptions import DequeueTimeout
from rq.registry import StartedJobRegistry

from trainer.jobs.store import job_key

_LOOK_SECONDS = 0.25  # between looks into empty queues


def queue_class(runs_per_actor: int | None) -> type[rq.Queue]:
    """RQ's queue with another way for a worker to take the next submission from several queues. Without a number of
    `runs_per_actor` an actor may have any number of runs at a time.

    Of several queues RQ itself takes without the intermediate list, by which a submission is found whose worker died
    before it began.
    """
    script = resources.files("trainer.jobs").joinpath("dequeue.lua").read_text()

    class TailoringQueue(rq.Queue):
        @classmethod
        def dequeue_any(  # type: ignore[override]  # of RQ's arguments, those that a worker gives
            cls, queues: Iterable[rq.Queue], timeout: int | None, connection: "redis.Redis", **kinds: Any
        ) -> "tuple[rq.job.Job, rq.Queue] | None":
            """Blocks for `timeout` seconds at most and then raises DequeueTimeout; returns None at once where `timeout`
            is None."""
            keys = [key for queue in queues for key in _keys(queue)]
            dequeue = connection.register_script(script)
            deadline = time.monotonic() + (timeout or 0)
            while True:
                found: Any = dequeue(keys=keys, args=[runs_per_actor or 0, job_key("")])
                if found is not None:
                    number, submission = found
                    dequeued = cls._fetch_dequeued_job(connection, keys[3 * number], submission.decode(), **kinds)
                    if dequeued is not None:
                        return dequeued
                elif timeout is None:
                    return None
                elif time.monotonic() >= deadline:
                    raise DequeueTimeout(timeout, keys)
                else:
                    time.sleep(_LOOK_SECONDS)  # a blocking pop could not apply the limit per actor

    return TailoringQueue


def _keys(queue: rq.Queue) -> tuple[str, str, str]:
    return queue.key, queue.intermediate_queue_key, StartedJobRegistry(queue=queue).key
