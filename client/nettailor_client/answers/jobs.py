"""Jobs, and what they tell while they run."""

from typing import Any, Literal

from pydantic import Field

from nettailor_client.answers.document import Document

State = Literal["queued", "running", "succeeded", "failed", "cancelled"]


class Place(Document):
    """Where a queued job stands: the jobs that are served `ahead` of it, the `workers` that are alive."""

    ahead: int = 0
    workers: int = 0


class Job(Document):
    """`expected_seconds` is how long its training was expected to take before it began, at the least and at the most;
    `queue` is where it stands while it is queued, `inspection` what was understood of the upload, `dataset` what
    became of it, `front` the networks measured so far, `finish` who asked to end the search, `result` what was
    published, `error` the problem document of a job that did not succeed; each None while there is none."""

    id: str
    task: str
    state: str
    priority: str = "normal"
    stage: str | None = None
    queue: Place | None = None
    progress: float = 0.0
    seconds_left: float | None = None
    expected_seconds: list[float] | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    upload: str = ""
    inspection: dict[str, Any] | None = None
    dataset: dict[str, Any] | None = None
    front: list[dict[str, Any]] = Field(default_factory=list)
    finish: dict[str, Any] | None = None
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    attempt: int = 0
    actor: str = ""
    created_at: str = ""
    started_at: str | None = None
    ended_at: str | None = None

    @property
    def has_ended(self) -> bool:
        return is_final(self.state)


class Event(Document):
    """One thing that happened to a job: `kind` is state, stage, epoch, candidate or log, `fields` are particular to it;
    the stream goes on after `id`."""

    id: str | None = None
    kind: str
    stage: str = ""
    progress: float = 0.0
    fields: dict[str, Any] = Field(default_factory=dict)
    at: str = ""

    @property
    def state(self) -> str | None:
        """What a `state` event reports."""
        return str(self.fields["state"]) if self.kind == "state" else None


def is_final(state: str) -> bool:
    """Whether a job in this state stays in it."""
    return state in {"succeeded", "failed", "cancelled"}
