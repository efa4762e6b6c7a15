"""Answers of a service, with what a test does not care for filled in."""

from typing import Any

from nettailor_client.answers.comparisons import Comparison
from nettailor_client.answers.jobs import Job
from nettailor_client.answers.predictions import Prediction
from nettailor_client.answers.tasks import HistoryEntry, Task, TaskPolicy
from nettailor_client.answers.versions import Lineage, VersionSummary

AT = "2026-11-28T19:00:00"

_COSTS = ("stem_macs", "stem_params", "shared_macs_kept", "shared_macs_removed", "shared_params_kept")
_VERSION: dict[str, Any] = {
    "task": "signs",
    "version": 1,
    "digest": "sha256:0",
    "size_bytes": 1,
    "published_at": AT,
    "actor": "ann",
    "job": None,
    "dataset": "sha256:1",
    "backbone": {"id": "mini26", "fingerprint": "sha256:2"},
}
_SUMMARY: dict[str, Any] = {
    "classes": 2,
    "metrics": {"teacher": {"test": 0.9}, "student": {"test": 0.9}},
    "complexity": dict.fromkeys((*_COSTS, "shared_params_removed", "task_macs", "task_params"), 1),
}
_COMPARED: dict[str, Any] = {
    "accuracy": 0.9,
    "interval": {"low": 0.85, "high": 0.94},
    "params": 1_500_000,
    "macs": 42_000_000,
    "milliseconds": 3.21,
    "measured_on": "CPU, 2 threads",
}
_ORIGIN: dict[str, Any] = {"recipe": {}, "seed": 0, "libraries": {}, "aliases": [], "live": []}
_PREDICTION: dict[str, Any] = {
    "task": "signs",
    "version": 3,
    "digest": "sha256:0",
    "predictions": [],
    "tier": "device",
    "switch_ms": 0.0213,
    "queue_ms": 1.0,
    "inference_ms": 7.94,
}
_HAPPENED: dict[str, Any] = {"sequence": 1, "kind": "published", "at": AT, "actor": "ann", "reason": ""}


def job(**members: Any) -> Job:
    return Job.model_validate({"id": "j", "task": "signs", "state": "queued"} | members)


def task(**members: Any) -> Task:
    return Task.model_validate({"task": "signs", "latest": 1, "aliases": {}} | members)


def version(**members: Any) -> VersionSummary:
    return VersionSummary.model_validate(_VERSION | _SUMMARY | members)


def lineage(**members: Any) -> Lineage:
    return Lineage.model_validate(_VERSION | _ORIGIN | members)


def comparison(**members: Any) -> Comparison:
    """Of two versions; `members` are those of each and of the whole."""
    difference = {"accuracy": 0.05, "interval": {"low": -0.01, "high": 0.11}, "gained": 7, "lost": 2}
    versions = [
        _VERSION | _COMPARED | {"difference": None},
        _VERSION | _COMPARED | {"version": 4, "difference": difference},
    ]
    whole = {"task": "signs", "dataset": "sha256:1", "images": 100, "confidence": 0.95, "resamples": 10_000}
    return Comparison.model_validate(whole | {"versions": [version | members for version in versions]} | members)


def policy(**members: Any) -> TaskPolicy:
    return TaskPolicy.model_validate({"task": "signs", "policy": None} | members)


def entry(**members: Any) -> HistoryEntry:
    return HistoryEntry.model_validate(_HAPPENED | members)


def prediction(*classes: tuple[str, float], **members: Any) -> Prediction:
    """Of one image."""
    labels = [{"label": label, "index": index, "probability": share} for index, (label, share) in enumerate(classes)]
    return Prediction.model_validate(_PREDICTION | {"predictions": [labels]} | members)
