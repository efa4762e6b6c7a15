"""Tasks, their aliases, policies and history."""

from typing import Any

from nettailor_client.answers.document import Document
from nettailor_client.answers.versions import VersionSummary


class Task(Document):
    """`method` is the live version's, or the newest one's where none is live. `unread`: why nothing can be said or done
    about the task, as one of its records cannot be read."""

    task: str
    aliases: dict[str, int]
    latest: int
    method: str = "nettailor"
    unread: str | None = None


class TaskDetail(Task):
    """`live` is None until a version is."""

    live: VersionSummary | None


class Policy(Document):
    """What a version must show before it can go live, and before int8 may serve it; None: nothing is required."""

    min_accuracy: float | None = None
    max_drop: float | None = None
    max_macs: float | None = None
    allow_int8: bool = True
    max_int8_drop: float | None = None


class TaskPolicy(Document):
    """`policy` is None if the task has none; the rest says who set or cleared it last."""

    task: str
    policy: Policy | None
    at: str | None = None
    actor: str | None = None
    reason: str | None = None


class AliasMove(Document):
    """`evidence` is what the task's policy was shown; `forced`: it did not pass."""

    task: str
    alias: str
    before: int | None
    after: int | None
    at: str
    actor: str
    reason: str
    evidence: dict[str, Any] | None = None
    forced: bool = False


class HistoryEntry(Document):
    """One thing that happened; which of the members below `reason` it has goes by its `kind`."""

    sequence: int
    kind: str
    at: str
    actor: str
    reason: str
    version: int | None = None
    digest: str | None = None
    alias: str | None = None
    before: int | None = None
    after: int | None = None
    rollback: bool = False
    evidence: dict[str, Any] | None = None
    forced: bool = False
    policy: Policy | None = None
    tags: dict[str, str] | None = None
    note: str | None = None
