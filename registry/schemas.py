"""What the registry's HTTP routes take and give."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from nettailor.manifest import BackboneReference, Complexity, Manifest, Metrics
from registry.catalogue import AliasChange, TaskRecord, VersionRecord
from registry.records import AliasMoved, Published, Record, VersionDeleted

Reason = Annotated[str, StringConstraints(max_length=2000)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MoveAlias(_Request):
    """`expected`: the version the alias must name now, null if it must not be there yet; leave it out not to care."""

    version: int = Field(ge=1)
    expected: int | None = None
    reason: Reason = ""


class Rollback(_Request):
    alias: str = "live"
    reason: Reason = ""


class VersionSummary(BaseModel):
    task: str
    version: int
    digest: str
    size_bytes: int
    published_at: str
    actor: str
    job: str | None
    note: str
    backbone: BackboneReference
    dataset: str
    classes: int
    metrics: Metrics
    complexity: Complexity

    @classmethod
    def of(cls, record: VersionRecord) -> "VersionSummary":
        return cls(**_summary(record))


class Version(VersionSummary):
    """With the bundle's whole manifest."""

    manifest: Manifest

    @classmethod
    def of(cls, record: VersionRecord) -> "Version":
        return cls(**_summary(record), manifest=record.manifest)


class Task(BaseModel):
    task: str
    aliases: dict[str, int]
    latest: int

    @classmethod
    def of(cls, record: TaskRecord) -> "Task":
        return cls(task=record.task, aliases=record.aliases, latest=record.latest)


class TaskDetail(Task):
    """`live` is None until a version is."""

    live: VersionSummary | None


class AliasMove(BaseModel):
    task: str
    alias: str
    before: int | None
    after: int | None
    at: str
    actor: str
    reason: str

    @classmethod
    def of(cls, change: AliasChange) -> "AliasMove":
        return cls(**vars(change))


class HistoryEntry(BaseModel):
    """One thing that happened; `version` for publishes and deletions, the alias fields for moves."""

    sequence: int
    kind: Literal["published", "alias", "version-deleted", "task-deleted"]
    at: str
    actor: str
    reason: str
    version: int | None = None
    digest: str | None = None
    alias: str | None = None
    before: int | None = None
    after: int | None = None
    rollback: bool = False

    @classmethod
    def of(cls, record: Record) -> "HistoryEntry":
        common: dict[str, Any] = {"sequence": record.sequence, "kind": record.kind, "at": record.at}
        common["actor"] = record.actor
        common["reason"] = record.note if isinstance(record, Published) else record.reason
        if isinstance(record, AliasMoved):
            move = {"alias": record.alias, "before": record.before, "after": record.after}
            return cls(**common, **move, rollback=record.rollback)
        if isinstance(record, (Published, VersionDeleted)):
            return cls(**common, version=record.version, digest=record.digest)
        return cls(**common)


def _summary(record: VersionRecord) -> dict[str, Any]:
    fields = {name: value for name, value in vars(record).items() if name != "manifest"}
    manifest = record.manifest
    return fields | {
        "backbone": manifest.backbone,
        "dataset": manifest.dataset,
        "classes": len(manifest.classes),
        "metrics": manifest.metrics,
        "complexity": manifest.complexity,
    }
