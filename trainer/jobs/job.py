"""A job: one requested tailoring, from queued to its end."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from nettailor.plain_text import check_text, mended
from registry.journal.deletion import Since
from trainer.events import Json

State = Literal["queued", "running", "succeeded", "failed", "cancelled"]
OPEN: tuple[State, ...] = ("queued", "running")
ENDED: tuple[State, ...] = ("succeeded", "failed", "cancelled")

Priority = Literal["high", "normal", "low"]
PRIORITIES: tuple[Priority, ...] = ("high", "normal", "low")  # in the order in which they are served

MOST_CHARACTERS = 200  # of an actor, an id or another text of a job

_TEXTS = ("id", "task", "upload", "actor", "created_at")

SEARCH = ("prune", "retrain")  # the stages in which there is something to publish, and more to come
PUBLISH = "publish"  # the stage from which nobody can cancel a job, unless its task is deleted


@dataclass(frozen=True, kw_only=True)
class Job:
    """The whole document. Times are ISO 8601, UTC; digests "sha256:<hex>".

    Raises ValueError for one that its readers could not use.
    """

    id: str
    task: str
    upload: str
    options: Mapping[str, Json]
    actor: str
    created_at: str
    priority: Priority = "normal"
    state: State = "queued"
    stage: str | None = None
    progress: float = 0.0
    seconds_left: float | None = None
    # how long the training was expected to take before it began: at the least and at the most
    expected_seconds: Sequence[Json] | None = None
    # what intake understood of the upload, also where it refused it (`trainer.intake.inspection`)
    inspection: Mapping[str, Json] | None = None
    # what intake made of the upload: digest, classes, counts, skipped files
    dataset: Mapping[str, Json] | None = None
    # the candidates measured so far, by blocks removed (`trainer.workers.front`)
    front: Sequence[Mapping[str, Json]] = field(default_factory=list)
    # who asked to publish the best so far ("by"), when ("at"), and the blocks removed of the "candidates" there were
    finish: Mapping[str, Json] | None = None
    # version, digest, alias, metrics of what was published
    result: Mapping[str, Json] | None = None
    # a problem document (RFC 9457): why it failed, or was cancelled although nobody asked for that
    error: Mapping[str, Json] | None = None
    started_at: str | None = None
    ended_at: str | None = None
    # the number of the last record in its task's history when it was accepted; jobs of older releases have none
    task_sequence: int | None = None
    # digest of the bundle that its version will stand on (method packnet), once that is decided
    stands_on: str | None = None
    # the trace of the request that submitted it (W3C `traceparent`), where there is one
    trace: str | None = None
    # how often it was submitted: once, and once more for each retry
    submission: int = 1
    # runs begun within this submission; a run of an earlier number no longer counts
    attempt: int = 0

    def __post_init__(self) -> None:
        for name in _TEXTS:
            if not isinstance(getattr(self, name), str):
                raise ValueError(f"{name} is no text")
            check_text(getattr(self, name), MOST_CHARACTERS)
        if self.state not in (*OPEN, *ENDED):
            raise ValueError(f"unknown state {self.state!r}")
        if self.priority not in PRIORITIES:
            raise ValueError(f"unknown priority {self.priority!r}")
        if not (isinstance(self.progress, int | float) and math.isfinite(self.progress)):
            raise ValueError("progress is no number")
        if not all(isinstance(row, dict) and isinstance(row.get("k"), int) for row in self.front):
            raise ValueError("front is no list of candidates")
        if self.finish is not None and not {"by", "at", "candidates"} <= set(self.finish):
            raise ValueError("finish does not say who asked for what")
        for number in (self.submission, self.attempt):
            if not isinstance(number, int):
                raise ValueError("submission and attempt are no integers")
        for time in (self.created_at, self.started_at, self.ended_at):
            if time is not None:
                datetime.fromisoformat(time)

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def measured(self) -> list[Json]:
        """The blocks removed of the candidates that its tailoring has measured; one that was polished, twice."""
        return [row["k"] for row in self.front for _ in range(2 if row.get("polished") else 1)]

    @property
    def accepted(self) -> Since:
        """When it was accepted, as the registry asks for it: a later deletion of the task is the job's end too."""
        return datetime.fromisoformat(self.created_at) if self.task_sequence is None else self.task_sequence

    def to_json(self) -> dict[str, Any]:
        """The document as it is kept and shown; names of files, messages and measurements in it are mended."""
        document: dict[str, Any] = mended(dataclasses.asdict(self))
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Job":
        """Unknown members of a later version are left out. Raises ValueError, also where one is missing."""
        known = {field.name for field in dataclasses.fields(cls)}
        try:
            return cls(**{name: value for name, value in document.items() if name in known})
        except (TypeError, AttributeError) as fault:
            raise ValueError(f"no document of a job: {fault}") from fault


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
