"""From a tailored bundle to a version that serves: published, then live if it is good enough, else a candidate."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nettailor.network.backbones import Backbone
from registry.errors import AliasConflict, PolicyViolated, TaskUnknown, VersionUnknown
from registry.journal.records import VersionRecord
from registry.policy.policy import Policy
from registry.policy.policy_check import Measurement
from registry.registry import LIVE, Registry
from registry.versions.attachments import REPORT
from trainer.errors import JobConflict
from trainer.events import Json
from trainer.jobs.job import Job
from trainer.publishing.comparability import incomparable, live_version
from trainer.recipe.pareto import store_pareto_front
from trainer.recipe.result import Tailored
from trainer.training.evaluate import measure_accuracy

CANDIDATE = "candidate"
ACTOR = "trainer"
NOTHING: Mapping[str, str] = {}
_RACES = 5  # tries to move the alias while others move it, too


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The alias that a version got, and why."""

    alias: str
    reason: str


def publish(
    registry: Registry,
    job: Job,
    tailored: Tailored,
    dataset: Path,
    backbone: Backbone,
    *,
    slack: float,
    attachments: Mapping[str, str] = NOTHING,
) -> dict[str, Json]:
    """Publish and promote; returns what the job's document says of it. Doing it again changes nothing.

    ``attachments`` (name -> digest of a stored blob) are kept beside the bundle, as the Pareto front is. Where the task
    has no policy, a new version replaces the live one if its test accuracy is at most ``slack`` (a share) lower.
    Raises `TaskWasDeleted` if the task was deleted after the job was accepted.
    """
    attached = {**store_pareto_front(tailored.points, registry.blobs), **attachments}
    record = registry.publish(
        job.task, tailored.bundle, actor=ACTOR, job=job.id, attachments=attached, since=job.accepted
    )
    for _ in range(_RACES):
        try:
            verdict = _settle(registry, job, record, dataset, backbone, default=Policy(max_drop=slack))
        except AliasConflict:
            continue  # somebody moved the alias meanwhile: compare with what is live now
        except (TaskUnknown, VersionUnknown):
            registry.check_not_deleted(job.task, job.accepted)  # if that is why, say so
            raise
        return _result(record, tailored, verdict)
    raise JobConflict(job.id, "publishing", "promoted: its alias keeps moving")


def _settle(
    registry: Registry, job: Job, record: VersionRecord, dataset: Path, backbone: Backbone, *, default: Policy
) -> Verdict:
    """Live if the task's policy (or the default) lets it, else a candidate. Raises `AliasConflict`."""
    task, live = record.task, live_version(registry, record.task)
    if _misses_its_budget(record):
        return _candidate(registry, job, record, "no network was found within the budget; this is the leanest")
    if reason := _too_rough(registry, job, record, live):
        return _candidate(registry, job, record, reason)
    if reason := incomparable(live, record):
        return _candidate(registry, job, record, reason)
    measured = _measured(registry, live, record, dataset, backbone, default=default)
    try:
        change = registry.promote(
            task,
            LIVE,
            record.version,
            expected=None if live is None else live.version,
            actor=ACTOR,
            reason=f"job {job.id}",
            default=default,
            measured=measured,
        )
    except PolicyViolated as violated:
        return _candidate(registry, job, record, violated.evidence.summary(failed_only=True))
    if change.evidence is None:
        return Verdict(alias=LIVE, reason="live already")
    return Verdict(alias=LIVE, reason=change.evidence.summary())


def _misses_its_budget(record: VersionRecord) -> bool:
    """Whether the network is larger or slower than its budget: then only a person makes it live."""
    recipe = record.manifest.recipe
    return not recipe.get("within_target", True) and ("max_macs" in recipe or "max_latency_ms" in recipe)


def _too_rough(registry: Registry, job: Job, record: VersionRecord, live: VersionRecord | None) -> str | None:
    """Why a version that was cut short for lack of time does not go live, or None if it may: because the job was asked
    to accept it, or the task's own policy says how accurate a version has to be."""
    skipped = record.manifest.recipe.get("skipped")
    policy = registry.policy(record.task)
    judged = policy is not None and (
        policy.min_accuracy is not None or (policy.max_drop is not None and live is not None)
    )
    if not skipped or judged or job.options.get("accept_rough"):
        return None
    return f"time-limited: {', '.join(skipped)}; it goes live with --accept-rough, or by a policy on its accuracy"


def _measured(
    registry: Registry,
    live: VersionRecord | None,
    record: VersionRecord,
    dataset: Path,
    backbone: Backbone,
    *,
    default: Policy,
) -> Measurement | None:
    """The live version's accuracy on the new test split: the one in its manifest was measured on other images."""
    policy = registry.policy(record.task, default=default)
    if live is None or policy is None or policy.max_drop is None or live.manifest.dataset == record.manifest.dataset:
        return None  # nothing is compared, or both manifests have the figure
    accuracy = measure_accuracy(registry.read_linked(live), dataset, backbone)
    return Measurement(version=live.version, dataset=record.manifest.dataset, accuracy=accuracy)


def _candidate(registry: Registry, job: Job, record: VersionRecord, reason: str) -> Verdict:
    registry.promote(record.task, CANDIDATE, record.version, actor=ACTOR, reason=f"job {job.id}: {reason}")
    return Verdict(alias=CANDIDATE, reason=reason)


def _result(record: VersionRecord, tailored: Tailored, verdict: Verdict) -> dict[str, Json]:
    manifest = tailored.manifest
    metrics: Mapping[str, Json] = manifest.metrics.model_dump(mode="json")
    complexity: Mapping[str, Json] = manifest.complexity.model_dump(mode="json")
    result: dict[str, Json] = {
        "version": record.version,
        "digest": record.digest,
        "size_bytes": record.size_bytes,
        "alias": verdict.alias,
        "reason": verdict.reason,
        "metrics": dict(metrics),
        "complexity": dict(complexity),
        "front": [dict(point) for point in tailored.pareto_front],
        "report": f"/tasks/{record.task}/versions/{record.version}/report" if REPORT in record.attachments else None,
    }
    if tailored.time is not None:
        result["time"] = dict(tailored.time)
    if tailored.finished_early is not None:
        result["finished_early"] = dict(tailored.finished_early)
    return result
