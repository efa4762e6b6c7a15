"""What the registry's HTTP routes take and give."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from nettailor.bundle.manifest import BackboneReference, Complexity, Manifest, Metrics, Share
from registry.journal.records import AliasMoved, PolicySet, Published, Record, VersionAnnotated, VersionDeleted
from registry.policy.policy import Policy
from registry.policy.policy_check import Evidence
from registry.versions import lineage
from registry.versions.annotation import TAG_CHARACTERS, TAG_LIMIT, Annotation
from registry.versions.models import AliasChange, TaskRecord, VersionRecord

Reason = Annotated[str, StringConstraints(max_length=2000)]
TagText = Annotated[str, StringConstraints(max_length=TAG_CHARACTERS)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MoveAlias(_Request):
    """`expected`: the version the alias must name now, null if it must not be there yet; leave it out not to care.

    `force`: although the version does not pass the task's policy; `reason` must then say why.
    """

    version: int = Field(ge=1)
    expected: int | None = None
    reason: Reason = ""
    force: bool = False


class Rollback(_Request):
    alias: str = "live"
    reason: Reason = ""


class SetPolicy(_Request):
    """What a version must show before it can go live; nothing is required where a field is null or left out.

    `min_accuracy`: share of test images; `max_drop`: how much lower than the live version on the same test split, as
    a share of its images; `max_macs`: share of the whole backbone's MACs.
    """

    min_accuracy: Share | None = None
    max_drop: Share | None = None
    max_macs: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    reason: Reason = ""

    @property
    def policy(self) -> Policy:
        return Policy(min_accuracy=self.min_accuracy, max_drop=self.max_drop, max_macs=self.max_macs)


class TaskPolicy(BaseModel):
    """`policy` is null if the task has none; the rest says who set or cleared it last, null if nobody ever did."""

    task: str
    policy: Policy | None
    at: str | None
    actor: str | None
    reason: str | None

    @classmethod
    def of(cls, task: str, record: PolicySet | None) -> "TaskPolicy":
        if record is None:
            return cls(task=task, policy=None, at=None, actor=None, reason=None)
        return cls(task=task, policy=record.policy, at=record.at, actor=record.actor, reason=record.reason)


class Annotate(_Request):
    """What to change: a tag's new text, or null to remove it; the new note, or null to leave it."""

    tags: dict[str, TagText | None] = Field(default_factory=dict, max_length=2 * TAG_LIMIT)
    note: Reason | None = None


class Period(BaseModel):
    """`until` is null while it lasts."""

    since: str
    until: str | None


class Lineage(BaseModel):
    """Where a version comes from, which aliases name it, when it was live."""

    task: str
    version: int
    digest: str
    size_bytes: int
    published_at: str
    actor: str
    job: str | None
    dataset: str
    recipe: dict[str, Any]
    seed: int
    libraries: dict[str, str]
    backbone: BackboneReference
    tags: dict[str, str]
    note: str
    attachments: dict[str, str] = Field(default_factory=dict)
    aliases: list[str]
    live: list[Period]

    @classmethod
    def of(cls, found: lineage.Lineage) -> "Lineage":
        return cls(**vars(found) | {"live": [Period(**vars(period)) for period in found.live]})


class VersionSummary(BaseModel):
    task: str
    version: int
    digest: str
    size_bytes: int
    published_at: str
    actor: str
    job: str | None
    note: str
    tags: dict[str, str] = Field(default_factory=dict)
    attachments: dict[str, str] = Field(default_factory=dict, description="name -> digest of a file kept beside it")
    backbone: BackboneReference
    dataset: str
    classes: int
    metrics: Metrics
    complexity: Complexity

    @classmethod
    def of(cls, record: VersionRecord, annotation: Annotation) -> "VersionSummary":
        return cls(**_summary(record, annotation))


class Version(VersionSummary):
    """With the bundle's whole manifest."""

    manifest: Manifest

    @classmethod
    def of(cls, record: VersionRecord, annotation: Annotation) -> "Version":
        return cls(**_summary(record, annotation), manifest=record.manifest)


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
    """`evidence` is what the task's policy was shown, null if there was none to pass; `forced`: it did not pass."""

    task: str
    alias: str
    before: int | None
    after: int | None
    at: str
    actor: str
    reason: str
    evidence: Evidence | None = None
    forced: bool = False

    @classmethod
    def of(cls, change: AliasChange) -> "AliasMove":
        return cls(**vars(change))


class HistoryEntry(BaseModel):
    """One thing that happened; `version` for publishes, deletions and annotations, the alias fields and `evidence` for
    moves, `policy` for policies (null: cleared), `tags` and `note` for annotations (all of them, as they were then)."""

    sequence: int
    kind: Literal["published", "alias", "version-deleted", "task-deleted", "policy", "annotated"]
    at: str
    actor: str
    reason: str
    version: int | None = None
    digest: str | None = None
    alias: str | None = None
    before: int | None = None
    after: int | None = None
    rollback: bool = False
    evidence: Evidence | None = None
    forced: bool = False
    policy: Policy | None = None
    tags: dict[str, str] | None = None
    note: str | None = None

    @classmethod
    def of(cls, record: Record) -> "HistoryEntry":
        common: dict[str, Any] = {"sequence": record.sequence, "kind": record.kind, "at": record.at}
        common["actor"] = record.actor
        if isinstance(record, VersionAnnotated):
            return cls(**common, reason="", version=record.version, tags=record.tags, note=record.note)
        common["reason"] = record.note if isinstance(record, Published) else record.reason
        if isinstance(record, AliasMoved):
            move = {"alias": record.alias, "before": record.before, "after": record.after}
            return cls(**common, **move, rollback=record.rollback, evidence=record.evidence, forced=record.forced)
        if isinstance(record, PolicySet):
            return cls(**common, policy=record.policy)
        if isinstance(record, (Published, VersionDeleted)):
            return cls(**common, version=record.version, digest=record.digest)
        return cls(**common)


def _summary(record: VersionRecord, annotation: Annotation) -> dict[str, Any]:
    fields = {name: value for name, value in vars(record).items() if name != "manifest"}
    manifest = record.manifest
    return fields | {
        "tags": dict(annotation.tags),
        "note": annotation.note,
        "backbone": manifest.backbone,
        "dataset": manifest.dataset,
        "classes": len(manifest.classes),
        "metrics": manifest.metrics,
        "complexity": manifest.complexity,
    }
