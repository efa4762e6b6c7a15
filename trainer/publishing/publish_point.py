"""Publishing another point of a version's Pareto front."""

from dataclasses import dataclass
from typing import Literal

from registry.errors import PolicyViolated
from registry.journal.records import VersionRecord
from registry.policy.policy import Policy
from registry.registry import LIVE, Registry
from registry.versions.attachments import read
from trainer.errors import PointUnknown
from trainer.publishing.comparability import incomparable, live_version
from trainer.recipe.pareto import pareto_front_of, point_name

PointAlias = Literal["candidate", "live"]


@dataclass(frozen=True, kw_only=True)
class PublishedPoint:
    """The version that a point became. `alias` is None if none was requested, or if it was not moved, which `refused`
    gives the reason for."""

    record: VersionRecord
    alias: str | None
    refused: str | None


def publish_point(
    registry: Registry,
    task: str,
    version: int,
    blocks_removed: int,
    *,
    alias: PointAlias | None,
    actor: str,
    reason: str,
    default: Policy,
) -> PublishedPoint:
    """Publish a point as a version of the task, of the same job and with the same Pareto front. Publishing it again
    returns the same version.

    `live` moves only if the task's policy, or `default` where it has none, allows it; the version is published in
    either case.
    Raises `TaskUnknown`, `VersionUnknown`, `PointUnknown`, `BlobMissing`, `BlobCorrupt`, and `TaskWasDeleted` if the
    task is deleted meanwhile.
    """
    since = registry.sequence(task)  # before the version is looked up: a deletion in between must not be missed
    origin = registry.version_record(task, version)
    name = point_name(blocks_removed)
    if name not in origin.attachments:
        raise PointUnknown(task, version, blocks_removed)
    record = registry.publish(
        task,
        read(registry.blobs, origin, name),
        actor=actor,
        job=origin.job,
        note=f"k={blocks_removed} of the front of version {version}",
        attachments=pareto_front_of(origin),
        since=since,
    )
    refused = (
        None if alias is None else move_alias(registry, record, alias, actor=actor, reason=reason, default=default)
    )
    return PublishedPoint(record=record, alias=None if refused else alias, refused=refused)


def move_alias(
    registry: Registry, record: VersionRecord, alias: str, *, actor: str, reason: str, default: Policy
) -> str | None:
    """Make an alias name a version, `live` only by the task's policy, or `default`; returns why it does not, or None if
    it does."""
    if alias == LIVE and (why := incomparable(live_version(registry, record.task), record)):
        return why
    try:
        registry.promote(record.task, alias, record.version, actor=actor, reason=reason, default=default)
    except PolicyViolated as violated:
        return violated.evidence.summary(failed_only=True)
    return None
