"""From a tailored bundle to a version that serves: published, then live if it is good enough, else a candidate."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nettailor.backbones import Backbone
from nettailor.bundle import decode
from nettailor.manifest import Manifest
from registry.catalogue import VersionRecord
from registry.errors import AliasConflict, AliasUnknown, TaskUnknown
from registry.registry import LIVE, Registry
from trainer.errors import JobConflict
from trainer.evaluate import measure_accuracy
from trainer.events import Json
from trainer.job import Job
from trainer.recipe import Tailored

CANDIDATE = "candidate"
ACTOR = "trainer"
_RACES = 5  # promotes by others, between our look and our move, before we give up


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The alias a version deserves, and why; ``live`` is the version it was compared with."""

    alias: str
    reason: str
    live: int | None


def publish(
    registry: Registry, job: Job, tailored: Tailored, dataset: Path, backbone: Backbone, *, slack: float
) -> dict[str, Json]:
    """Publish and promote; returns what the job's document says of it. Doing it again changes nothing.

    ``slack`` is how much lower (share of test images) than the live version a new one may score to replace it.
    """
    record = registry.publish(job.task, tailored.bundle, actor=ACTOR, job=job.id)
    for _ in range(_RACES):
        verdict = judge(registry, record, tailored.manifest, dataset, backbone, slack=slack)
        try:
            _promote(registry, record, verdict, job)
        except AliasConflict:
            continue  # somebody moved the alias meanwhile: compare with what is live now
        return _result(record, tailored, verdict)
    raise JobConflict(job.id, "publishing", "promoted: its alias keeps moving")


def judge(
    registry: Registry, record: VersionRecord, manifest: Manifest, dataset: Path, backbone: Backbone, *, slack: float
) -> Verdict:
    """The first version goes live; a later one if it is at most ``slack`` worse than live on the same test images."""
    try:
        live = registry.resolve(record.task, alias=LIVE)
    except (AliasUnknown, TaskUnknown):
        return Verdict(alias=LIVE, reason="nothing was live", live=None)
    if live.version == record.version:
        return Verdict(alias=LIVE, reason="live already", live=live.version)
    if live.manifest.backbone.fingerprint != manifest.backbone.fingerprint:
        reason = f"version {live.version} is live on another backbone: not comparable"
        return Verdict(alias=CANDIDATE, reason=reason, live=live.version)
    new, old = manifest.metrics.student.test, _accuracy_of_live(registry, live, manifest, dataset, backbone)
    if new is None or old is None:
        return Verdict(alias=CANDIDATE, reason="no test accuracy to compare", live=live.version)
    compared = f"test accuracy {new:.2%} against {old:.2%} of version {live.version}, slack {slack:.2%}"
    return Verdict(alias=LIVE if new >= old - slack else CANDIDATE, reason=compared, live=live.version)


def _accuracy_of_live(
    registry: Registry, live: VersionRecord, manifest: Manifest, dataset: Path, backbone: Backbone
) -> float | None:
    if live.manifest.dataset == manifest.dataset:
        return live.manifest.metrics.student.test
    return measure_accuracy(decode(registry.read_bundle(live)), dataset, backbone)


def _promote(registry: Registry, record: VersionRecord, verdict: Verdict, job: Job) -> None:
    if verdict.alias == LIVE:
        reason = f"job {job.id}: {verdict.reason}"
        registry.promote(record.task, LIVE, record.version, expected=verdict.live, actor=ACTOR, reason=reason)
    else:
        registry.promote(record.task, CANDIDATE, record.version, actor=ACTOR, reason=f"job {job.id}: {verdict.reason}")


def _result(record: VersionRecord, tailored: Tailored, verdict: Verdict) -> dict[str, Json]:
    manifest = tailored.manifest
    metrics: Mapping[str, Json] = manifest.metrics.model_dump(mode="json")
    complexity: Mapping[str, Json] = manifest.complexity.model_dump(mode="json")
    return {
        "version": record.version,
        "digest": record.digest,
        "size_bytes": record.size_bytes,
        "alias": verdict.alias,
        "reason": verdict.reason,
        "metrics": dict(metrics),
        "complexity": dict(complexity),
        "front": [dict(point) for point in tailored.front],
    }
