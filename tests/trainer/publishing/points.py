"""Points of a front, made up."""

import numpy as np

from nettailor.bundle.bundle import encode
from nettailor.bundle.manifest import Accuracy, Manifest, Metrics
from registry.versions.evaluation import Evaluation
from tests.bundles import random_bundle, random_tensors
from trainer.recipe.pareto import Point

ACCURACIES = {3: 0.92, 6: 0.90, 9: 0.898, 10: 0.7}
CHOSEN = 6
_IMAGES = 500


def point(fingerprint: str, k: int, accuracy: float) -> Point:
    manifest, _ = random_bundle(task="pets", fingerprint=fingerprint, classes=2, seed=k)
    metrics = Metrics(teacher=Accuracy(), student=Accuracy(validation=accuracy, test=accuracy))
    manifest = Manifest.model_validate(manifest.model_copy(update={"metrics": metrics}).model_dump())
    return Point(
        blocks_removed=k,
        bundle=encode(manifest, random_tensors(manifest, seed=k)),
        manifest=manifest,
        cost=1 - k / 12,
        milliseconds=None,
        good=k <= CHOSEN,
        pareto=True,
        chosen=k == CHOSEN,
        evaluation=Evaluation(right=np.arange(_IMAGES) < accuracy * _IMAGES, milliseconds=12.0 - k, measured_on="CPU"),
    )
