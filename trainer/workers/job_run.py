"""One run of a job, as the job process sees it. Every write is fenced: once the job was cancelled or another run has
taken over, it raises JobSuperseded, and the run ends."""

import dataclasses
import logging
import math
import time
from collections.abc import Callable, Mapping

from hosting.processes.awake_time import AwakeTime
from trainer.errors import JobSuperseded, QueueUnavailable
from trainer.events import Event, Json
from trainer.intake.inspection import Inspection
from trainer.jobs.job import PUBLISH, Job, now
from trainer.jobs.jobs import Jobs, changed
from trainer.settings import Settings
from trainer.workers.front import with_candidate
from trainer.workers.help_queue import JobHelpers

logger = logging.getLogger(__name__)

_PATIENCE_SECONDS = 300.0  # how long to wait for a Redis that does not answer
_PAUSE_SECONDS = 1.0


class JobRun:
    """``begin`` makes one. Every method raises JobSuperseded and QueueUnavailable."""

    def __init__(self, jobs: Jobs, job: Job) -> None:
        self._jobs = jobs
        self.job = job  # the document as last read or written

    def report(self, event: Event) -> None:
        """Publish an event; its stage, its progress and what it says of time become the job's, a candidate a row of its
        front."""

        def change(found: Job) -> tuple[Job, Event]:
            self._check(found)
            left, expected = event.fields.get("seconds_left"), event.fields.get("expected_seconds")
            known = isinstance(left, int | float) and math.isfinite(left)
            return (
                dataclasses.replace(
                    found,
                    stage=event.stage or found.stage,
                    progress=max(found.progress, event.progress),
                    seconds_left=float(left) if known and isinstance(left, int | float) else found.seconds_left,
                    expected_seconds=[float(str(s)) for s in expected]
                    if isinstance(expected, list)
                    else found.expected_seconds,
                    front=with_candidate(found.front, event.fields) if event.kind == "candidate" else found.front,
                ),
                event,
            )

        self._update(change)

    def set_inspection(self, inspection: Inspection) -> None:
        """Note what intake understood of the upload, before anything is made of it."""
        self._end_or_note(inspection.in_one_line(), {"inspection": inspection.as_job_json()})

    def set_dataset(self, dataset: Mapping[str, Json]) -> None:
        """Record what intake made of the upload, so that a later run need not repeat it."""
        self._end_or_note("dataset", {"dataset": dict(dataset)})
        self._jobs.record(self.job)

    def stand_on(self, digest: str) -> None:
        """Note the bundle that the job's version will stand on, which nobody deletes from now on."""
        if self.job.stands_on != digest:
            self._end_or_note(f"stands on bundle {digest}", {"stands_on": digest})
            self._jobs.record(self.job)

    def helpers(self, settings: Settings) -> JobHelpers | None:
        """Other workers that have nothing else to do; None where they cannot be called."""
        return JobHelpers.of(settings, self._jobs.queue, self.job)

    def begin_publishing(self) -> None:
        """From here on nobody can cancel the job, unless its task is deleted."""
        self._end_or_note("publishing", {"stage": PUBLISH})

    def succeed(self, result: Mapping[str, Json]) -> None:
        self._end_or_note(
            "succeeded",
            {"state": "succeeded", "progress": 1.0, "seconds_left": 0.0, "result": dict(result), "ended_at": now()},
        )
        self._jobs.record(self.job)

    def fail(self, problem: Mapping[str, Json]) -> None:
        self._end_or_note(
            "failed", {"state": "failed", "seconds_left": None, "error": dict(problem), "ended_at": now()}
        )
        self._jobs.record(self.job)

    def _end_or_note(self, what: str, changes: Mapping[str, object]) -> None:
        def change(found: Job) -> tuple[Job, Event]:
            self._check(found)
            job, event = changed(found, **changes)
            if job.state == "running":
                event = Event(kind="log", stage=job.stage or "", progress=job.progress, fields={"message": what})
            return job, event

        self._update(change)

    def _update(self, change: Callable[[Job], tuple[Job, Event]]) -> None:
        """Waits for a Redis that restarts before it gives up: hours of training would be lost otherwise."""
        waiting: AwakeTime | None = None  # a machine that slept has not waited
        while True:
            try:
                self.job = self._jobs.store.update(self.job.id, change)
                return
            except QueueUnavailable as fault:
                waiting = waiting or AwakeTime()
                if waiting.seconds > _PATIENCE_SECONDS:
                    raise
                logger.warning("job %s waits: %s", self.job.id, fault)
                time.sleep(_PAUSE_SECONDS)

    def _check(self, found: Job) -> None:
        ours = (self.job.submission, self.job.attempt)
        if found.state != "running" or (found.submission, found.attempt) != ours:
            raise JobSuperseded(found.id)


def begin(jobs: Jobs, job: str, submission: int) -> JobRun:
    """Start the next attempt of a job. Raises JobSuperseded if this submission no longer counts, JobUnknown."""

    def change(found: Job) -> tuple[Job, Event]:
        if not found.is_open or found.submission != submission:
            raise JobSuperseded(job)
        return changed(
            found, state="running", attempt=found.attempt + 1, started_at=found.started_at or now(), error=None
        )

    started = jobs.store.update(job, change)
    jobs.record(started)
    return JobRun(jobs, started)
