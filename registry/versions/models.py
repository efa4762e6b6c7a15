"""What the registry answers: tasks, versions, moves of aliases."""

from collections.abc import Mapping
from dataclasses import dataclass

from nettailor.bundle.manifest import Manifest
from registry.journal.index import TaskState
from registry.journal.records import AliasMoved, Published
from registry.policy.policy_check import Evidence


@dataclass(frozen=True, kw_only=True)
class VersionRecord:
    """One immutable version of a task; (task, version, digest) is its identity."""

    task: str
    version: int
    digest: str  # of the bundle
    size_bytes: int  # of the bundle
    published_at: str  # ISO 8601, UTC
    actor: str
    job: str | None  # that made it
    note: str
    manifest: Manifest
    attachments: Mapping[str, str]  # name -> digest


@dataclass(frozen=True, kw_only=True)
class TaskRecord:
    """A task with its aliases and the highest version number ever given to it."""

    task: str
    aliases: dict[str, int]
    latest: int


@dataclass(frozen=True, kw_only=True)
class AliasChange:
    """What a promote or a rollback did; `before` equals `after` if there was nothing to do."""

    task: str
    alias: str
    before: int | None
    after: int | None
    at: str  # ISO 8601, UTC
    actor: str
    reason: str
    evidence: Evidence | None = None  # what the task's policy was shown; None: there was none to pass
    forced: bool = False  # it did not pass


def task_record(task: str, state: TaskState) -> TaskRecord:
    return TaskRecord(task=task, aliases=state.aliases, latest=state.latest)


def version_record(record: Published) -> VersionRecord:
    return VersionRecord(
        task=record.task,
        version=record.version,
        digest=record.digest,
        size_bytes=record.size_bytes,
        published_at=record.at,
        actor=record.actor,
        job=record.job,
        note=record.note,
        manifest=record.manifest,
        attachments=record.attachments,
    )


def alias_change(record: AliasMoved) -> AliasChange:
    return AliasChange(
        task=record.task,
        alias=record.alias,
        before=record.before,
        after=record.after,
        at=record.at,
        actor=record.actor,
        reason=record.reason,
        evidence=record.evidence,
        forced=record.forced,
    )
