"""What the registry's HTTP routes take and give."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from hosting.web.json_body import JsonBody
from nettailor.bundle.manifest import BackboneReference, Complexity, Manifest, Method, Metrics, Share
from nettailor.plain_text import LARGEST_INTEGER, PlainText
from registry.journal.index import TaskState
from registry.journal.records import AliasMoved, BackboneAdded, PolicySet, Record, VersionRecord
from registry.policy.policy import Policy
from registry.policy.policy_check import Evidence
from registry.registry import LIVE
from registry.versions import lineage
from registry.versions.annotation import TAG_CHARACTERS, TAG_LIMIT, Annotation
from registry.versions.lineage import Period

Reason = Annotated[PlainText, StringConstraints(max_length=2000)]
TagText = Annotated[PlainText, StringConstraints(max_length=TAG_CHARACTERS)]


class MoveAlias(JsonBody):
    """`expected`: the version the alias must name now, null if it must not be there yet; leave it out not to care.

    `force`: although the version does not pass the task's policy; it takes a key that may set policies, and `reason`
    must say why.
    """

    version: int = Field(ge=1, le=LARGEST_INTEGER)
    expected: int | None = Field(default=None, ge=1, le=LARGEST_INTEGER)
    reason: Reason = ""
    force: bool = False


class Rollback(JsonBody):
    alias: PlainText = "live"
    reason: Reason = ""


class SetPolicy(JsonBody):
    """What a version must show before it can go live; nothing is required where a field is null or left out.

    `min_accuracy`: share of test images; `max_drop`: how much lower than the live version on the same test split, as
    a share of its images; `max_macs`: share of the whole backbone's MACs. `allow_int8` and `max_int8_drop`, a share of
    images, say which versions int8 may serve; alone they leave what goes live to the trainer's setting.
    """

    min_accuracy: Share | None = None
    max_drop: Share | None = None
    max_macs: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)] | None = None
    allow_int8: bool = True
    max_int8_drop: Share | None = None
    reason: Reason = ""

    @property
    def policy(self) -> Policy:
        return Policy(**self.model_dump(exclude={"reason"}))


class _Answer(BaseModel):
    """An answer takes from a record what it has fields for, and leaves the rest."""

    model_config = ConfigDict(extra="ignore")


class TaskPolicy(_Answer):
    """`policy` is null if the task has none; the rest says who set or cleared it last, null if nobody ever did."""

    task: str
    policy: Policy | None
    at: str | None
    actor: str | None
    reason: str | None

    @classmethod
    def of(cls, task: str, record: PolicySet | None) -> Self:
        if record is None:
            return cls(task=task, policy=None, at=None, actor=None, reason=None)
        return cls(**vars(record))


class Annotate(JsonBody):
    """What to change: a tag's new text, or null to remove it; the new note, or null to leave it."""

    tags: dict[str, TagText | None] = Field(default_factory=dict, max_length=2 * TAG_LIMIT)
    note: Reason | None = None


class _VersionAnswer(_Answer):
    """What every answer about a version begins with."""

    task: str
    version: int
    digest: str
    size_bytes: int
    published_at: str
    actor: str
    job: str | None

    @classmethod
    def _of(cls, record: VersionRecord, annotation: Annotation, **further: Any) -> Self:
        """Fill every field by its name: from the manifest, the record and the annotation, the others from `further`."""
        known = vars(record.manifest) | vars(record) | vars(annotation)
        known["test_images"] = record.manifest.test_images
        return cls(**known | {"published_at": record.at, "classes": len(record.manifest.classes)} | further)


class Lineage(_VersionAnswer):
    """Where a version comes from, which aliases name it, when it was live."""

    method: Method
    dataset: str
    metrics: Metrics
    test_images: int | None
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
    def of(cls, found: lineage.Lineage) -> Self:
        return cls._of(found.record, found.annotation, aliases=found.aliases, live=found.live)


class VersionSummary(_VersionAnswer):
    note: str
    tags: dict[str, str] = Field(default_factory=dict)
    attachments: dict[str, str] = Field(default_factory=dict, description="name -> digest of a file kept beside it")
    backbone: BackboneReference
    method: Method
    dataset: str
    classes: int
    metrics: Metrics = Field(description="claims of the uploaded bundle where there is no `job`: nothing measured them")
    test_images: int | None = Field(description="on which the test accuracies were measured, where the bundle says it")
    complexity: Complexity

    @classmethod
    def of(cls, record: VersionRecord, annotation: Annotation) -> Self:
        return cls._of(record, annotation)


class Version(VersionSummary):
    """With the bundle's whole manifest."""

    manifest: Manifest


class Task(_Answer):
    """`method` is the live version's, or the newest one's where none is live. `unread`: why nothing can be said or done
    about the task, as one of its records cannot be read; else null."""

    task: str
    aliases: dict[str, int]
    latest: int
    method: Method
    unread: str | None = None

    @classmethod
    def of(cls, state: TaskState) -> Self:
        unread = None if state.unread is None else str(state.unread)
        method = state.method(state.aliases.get(LIVE, max(state.versions, default=0)))
        return cls(task=state.task, aliases=state.aliases, latest=state.latest, method=method, unread=unread)


class TaskDetail(Task):
    """`live` is None until a version is."""

    live: VersionSummary | None


class AliasMove(_Answer):
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
    def of(cls, record: AliasMoved) -> Self:
        return cls(**vars(record))


class Backbone(_Answer):
    """Weights that were added under a name. `architecture` and `fingerprint` are the ones that manifests name."""

    name: str
    architecture: str
    fingerprint: str
    digest: str
    size_bytes: int
    added_at: str
    actor: str
    note: str

    @classmethod
    def of(cls, record: BackboneAdded) -> Self:
        return cls(**vars(record) | {"added_at": record.at})


class HistoryEntry(_Answer):
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
    def of(cls, record: Record) -> Self:
        values = {"reason": ""} | vars(record)
        if isinstance(record, VersionRecord):
            values["reason"] = values.pop("note")  # whoever publishes gives no other reason
        return cls(**values)
