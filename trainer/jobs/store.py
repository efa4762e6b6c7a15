"""Where jobs live in Redis: one document a job, changed by compare-and-set together with its events and its place in
the queue, so that state, stream and queue never disagree."""

import json
import logging
import re
from collections.abc import Callable, Container, Iterator
from datetime import datetime
from typing import Any, cast

import redis
from redis.exceptions import WatchError

from registry.journal.claims import Claim, Claims
from trainer.errors import JobAmbiguous, JobRecordDamaged, JobUnknown
from trainer.events import Event
from trainer.jobs import event_stream
from trainer.jobs.job import ENDED, OPEN, Job, State
from trainer.redis_errors import reachable

logger = logging.getLogger(__name__)

_ALL = "nettailor:jobs"  # sorted set: id by time of creation
_BEGINNING = re.compile("[0-9a-f]{1,31}")  # of an id, which has 32
_COMPLETE = "nettailor:jobs:complete"  # the run of Redis since whose start every record was looked at
STATES: tuple[State, ...] = (*OPEN, *ENDED)

# Runs inside the transaction that writes the job; gets the pipeline and the job as it will be.
Also = Callable[[Any, Job], None]


def job_key(job: str) -> str:
    return f"nettailor:job:{job}"


def _state_key(state: State) -> str:
    return f"nettailor:jobs:{state}"


class JobStore:
    """Safe from many threads and processes. Every method raises QueueUnavailable without Redis; those about one job,
    JobRecordDamaged if its document cannot be read, which those about many leave out."""

    def __init__(self, client: "redis.Redis") -> None:
        self.client = client
        self._claims = Claims(client)

    def create(self, job: Job, event: Event, also: Also) -> Job:
        """Write a new job; where there is a job of this id, that one is returned and nothing is written."""

        def decide(found: Job | None) -> tuple[Job, Event] | None:
            return (job, event) if found is None else None

        result = self._transact(job.id, decide, also)
        assert result is not None
        return result

    def update(
        self, job: str, change: Callable[[Job], tuple[Job, Event] | None], also: Also = lambda _pipeline, _job: None
    ) -> Job:
        """Replace a job by what ``change`` makes of it, with an event; leave it where that is None. Raises JobUnknown.

        ``change`` may be called more than once, and may raise to refuse.
        """

        def decide(found: Job | None) -> tuple[Job, Event] | None:
            if found is None:
                raise JobUnknown(job)
            return change(found)

        result = self._transact(job, decide, also)
        assert result is not None
        return result

    def get(self, job: str) -> Job:
        """Raises JobUnknown."""
        found = self.find(job)
        if found is None:
            raise JobUnknown(job)
        return found

    def find(self, job: str) -> Job | None:
        with reachable():
            return _parse(job, cast("bytes | None", self.client.hget(job_key(job), "document")))

    def named(self, text: str, *, tasks: Container[str] | None = None) -> str:
        """The id of the job that has this id, or of the only one whose id begins so; with `tasks` of jobs of these.

        Raises JobUnknown, JobAmbiguous.
        """
        with reachable():
            if self.client.exists(job_key(text)) or not _BEGINNING.fullmatch(text):
                return text
        ids = [job.encode() for job in sorted(self.known_ids()) if job.startswith(text)]
        if tasks is not None:
            ids = [job.id.encode() for job in self._read(ids) if job.task in tasks]
        if len(ids) > 1:
            raise JobAmbiguous(text, [job.decode() for job in ids])
        if not ids:
            raise JobUnknown(text)
        return ids[0].decode()

    def known_ids(self) -> set[str]:
        """Ids of all jobs, ended ones too."""
        with reachable():
            return {job.decode() for job in cast("list[bytes]", self.client.zrange(_ALL, 0, -1))}

    def run_of_redis(self) -> str:
        """Another one whenever Redis was started anew, maybe without its latest data."""
        with reachable():
            return str(self.client.info("server")["run_id"])

    def is_complete(self, run: str) -> bool:
        """Whether every job that has a record is known here, by `set_complete`; not if the data went since."""
        with reachable():
            return cast("bytes | None", self.client.get(_COMPLETE)) == run.encode()

    def set_complete(self, run: str) -> None:
        with reachable():
            self.client.set(_COMPLETE, run)

    def all_open(self) -> list[Job]:
        """Every job that is queued or running."""
        return [job for job in self._read([job.encode() for job in self.open_ids()]) if job.is_open]

    def latest(
        self,
        limit: int,
        *,
        task: str | None = None,
        state: State | None = None,
        actor: str | None = None,
        before: str | None = None,
    ) -> list[Job]:
        """Jobs, newest first, and only those older than the job `before`. Raises JobUnknown for that one."""
        with reachable():
            ids = cast("list[bytes]", self.client.zrevrange(_ALL, self._rank_after(before), -1))
        found: list[Job] = []
        for start in range(0, len(ids), 200):
            for job in self._read(ids[start : start + 200]):
                if task in {None, job.task} and state in {None, job.state} and actor in {None, job.actor}:
                    found.append(job)
            if len(found) >= limit:
                break
        return found[:limit]

    def _rank_after(self, job: str | None) -> int:
        if job is None:
            return 0
        rank = cast("int | None", self.client.zrevrank(_ALL, job))
        if rank is None:
            raise JobUnknown(job)
        return rank + 1

    def open_ids(self) -> list[str]:
        """Ids of the jobs that are queued or running."""
        with reachable():
            members = cast("set[bytes]", self.client.sunion([_state_key(state) for state in OPEN]))
        return sorted(member.decode() for member in members)

    def counts(self) -> dict[State, int]:
        """Jobs by state."""
        with reachable(), self.client.pipeline(transaction=False) as pipeline:
            for state in STATES:
                pipeline.scard(_state_key(state))
            return dict(zip(STATES, pipeline.execute(), strict=True))

    def events(self, job: str, after: str = event_stream.START) -> list[event_stream.Entry]:
        """The events after an id, oldest first. Raises JobUnknown."""
        self.get(job)
        with reachable():
            return event_stream.parse(cast(Any, self.client.xrange(event_stream.stream_key(job), min=f"({after}")))

    def _read(self, ids: list[bytes]) -> Iterator[Job]:
        with reachable(), self.client.pipeline(transaction=False) as pipeline:
            for key in ids:
                pipeline.hget(job_key(key.decode()), "document")
            documents = pipeline.execute()
        for key, document in zip(ids, documents, strict=True):
            try:
                job = _parse(key.decode(), document)
            except JobRecordDamaged as fault:  # one must not hide the others
                logger.error("%s", fault)
                continue
            if job is not None:
                yield job

    def _transact(self, key: str, decide: Callable[[Job | None], tuple[Job, Event] | None], also: Also) -> Job | None:
        with reachable(), self.client.pipeline() as pipeline:
            while True:
                try:
                    pipeline.watch(job_key(key))  # type: ignore[no-untyped-call]  # redis-py has not typed it
                    found = _parse(key, cast("bytes | None", pipeline.hget(job_key(key), "document")))
                    decision = decide(found)
                    if decision is None:
                        return found
                    job, event = decision
                    pipeline.multi()
                    self._write(pipeline, found, job, event)
                    also(pipeline, job)
                    pipeline.execute()
                    return job
                except WatchError:
                    continue  # another process changed the job: decide again

    def _write(self, pipeline: Any, before: Job | None, job: Job, event: Event) -> None:
        document = json.dumps(job.to_json(), separators=(",", ":"), allow_nan=False)
        pipeline.hset(job_key(job.id), mapping={"document": document, "actor": job.actor})  # the actor is for Lua
        if before is None:
            pipeline.zadd(_ALL, {job.id: datetime.fromisoformat(job.created_at).timestamp()})
        elif before.state != job.state:
            pipeline.srem(_state_key(before.state), job.id)
        if before is None or before.state != job.state:
            pipeline.sadd(_state_key(job.state), job.id)
        if job.stands_on is not None and job.is_open:
            self._claims.put(pipeline, Claim(job=job.id, task=job.task, digest=job.stands_on))
        elif job.stands_on is not None:
            self._claims.drop(pipeline, job.id)
        event_stream.append(pipeline, job.id, event)


def _parse(job: str, document: bytes | None) -> Job | None:
    """Raises JobRecordDamaged."""
    if document is None:
        return None
    try:
        return Job.from_json(json.loads(document))
    except (ValueError, RecursionError) as fault:
        raise JobRecordDamaged(job, f"in Redis: {fault}") from fault
