"""What the trainer's HTTP API answers."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, Field

from trainer.intake.findings import Weight
from trainer.jobs.job import Job as JobDocument
from trainer.jobs.job import Priority, State
from trainer.jobs.queue import JobQueue
from trainer.jobs.queue import Place as QueuePlace


class Place(BaseModel):
    ahead: int = Field(description="jobs that are served before it")
    workers: int = Field(description="workers that are alive; with none of them it waits for one")


class Job(BaseModel):
    """A job as the API shows it."""

    id: str
    task: str
    state: State
    priority: Priority = Field(description="of the jobs that wait, those of a higher one run first")
    stage: str | None = Field(description="intake, measure, teacher, student, prune, retrain, select or publish")
    queue: Place | None = Field(description="where it stands while it is queued")
    progress: float = Field(ge=0, le=1)
    seconds_left: float | None = Field(description="null where it cannot be told yet")
    expected_seconds: list[float] | None = Field(
        description="how long the training was expected to take before it began: at the least and at the most"
    )
    options: dict[str, Any]
    upload: str = Field(description="digest of the archive as it was sent")
    inspection: dict[str, Any] | None = Field(
        description="what intake understood of the upload, also where it refused it: layout, classes, findings"
    )
    dataset: dict[str, Any] | None = Field(description="the dataset file: digest, classes, splits, skipped files")
    front: list[dict[str, Any]] = Field(
        description="the candidates measured so far, by blocks removed: accuracy on the validation images, that of the "
        "teacher, and what is removed; `best` marks what would be published now"
    )
    finish: dict[str, Any] | None = Field(
        description="who asked to publish the best so far, when, and the candidates there were, by blocks removed"
    )
    result: dict[str, Any] | None = Field(description="version, digest, alias, metrics of what was published")
    error: dict[str, Any] | None = Field(description="a problem document: why it failed, or was cancelled unasked")
    attempt: int
    actor: str
    created_at: str
    started_at: str | None
    ended_at: str | None

    @classmethod
    def of(cls, job: JobDocument, places: Mapping[str, QueuePlace]) -> "Job":
        """`places` by the ids of jobs."""
        place = places.get(job.id)
        document = job.to_json() | {"queue": None if place is None else asdict(place)}
        return cls(**{name: document[name] for name in cls.model_fields})

    @classmethod
    def one(cls, job: JobDocument, queue: JobQueue) -> "Job":
        """Raises QueueUnavailable."""
        return cls.of(job, queue.places([job]))


class SplitCounts(BaseModel):
    train: int
    val: int
    test: int


class LeftOut(BaseModel):
    file: str
    reason: str


class Finding(BaseModel):
    weight: Weight = Field(description="error: a job would fail of it; warning: to be confirmed; note: to be read")
    text: str
    files: list[str] = Field(description="paths in the archive: some of those that the text is about")


class Inspection(BaseModel):
    """What an archive was taken for, and what is wrong with it."""

    layout: str | None = Field(description="null where none was recognised")
    classes: dict[str, SplitCounts] = Field(description="images by class and split")
    left_out: list[LeftOut]
    findings: list[Finding]
    error: str | None = Field(description="why it cannot be trained on")
