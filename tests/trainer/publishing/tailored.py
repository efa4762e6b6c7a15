"""What a recipe would give to publish, made up."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nettailor.bundle.bundle import digest_of, encode
from nettailor.bundle.manifest import Accuracy, Manifest, Metrics
from nettailor.network.backbones import Backbone
from tests.bundles import random_bundle, random_tensors
from trainer.jobs.job import Job
from trainer.recipe.result import Tailored

JOB = Job(id="j1", task="pets", upload="sha256:0", options={}, actor="ada", created_at="2026-11-23T00:00:00+00:00")
SLACK = 0.005


def tailored(
    backbone: Backbone, dataset: Path, *, accuracy: float | None, seed: int = 0, skipped: Sequence[str] = ()
) -> Tailored:
    """A bundle that claims a test accuracy; `skipped` is what there was no time for."""
    manifest, _ = random_bundle(task="pets", fingerprint=backbone.fingerprint(), classes=2, seed=seed)
    metrics = Metrics(teacher=Accuracy(), student=Accuracy(test=accuracy))
    changes: dict[str, Any] = {
        "metrics": metrics,
        "dataset": digest_of(dataset.read_bytes()),
        "classes": ("cats", "dogs"),
    }
    if skipped:
        changes["recipe"] = {**manifest.recipe, "time_limited": True, "skipped": list(skipped)}
    manifest = Manifest.model_validate(manifest.model_copy(update=changes).model_dump())
    return Tailored(bundle=encode(manifest, random_tensors(manifest, seed=seed)), manifest=manifest, pareto_front=[])
