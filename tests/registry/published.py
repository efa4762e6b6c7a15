"""Small bundles that claim what a test needs them to claim."""

import hashlib
from collections.abc import Sequence

import numpy as np

from nettailor.architecture.geometry import geometry
from nettailor.architecture.plan import reachable_plan
from nettailor.bundle.bundle import decode, digest_of, encode
from nettailor.bundle.manifest import Accuracy, Manifest, Metrics
from nettailor.complexity.counting import packed_complexity
from registry.journal.records import VersionRecord
from registry.registry import Registry
from registry.versions.evaluation import EVALUATIONS, Evaluation, written
from tests.bundles import OWNED, random_manifest, random_tensors
from tests.chains import link_bytes

_PLAN = reachable_plan([False] * 11 + [True], [*([] for _ in range(10)), [0], []])


def manifest(
    *, task: str = "signs", seed: int = 0, accuracy: float | None = 0.9, dataset: str = "signs", macs: float = 0.5
) -> Manifest:
    """`accuracy` on the test split of the dataset of that name; `macs` is a share of the backbone's."""
    made = random_manifest(task=task, plan=_PLAN, classes=2, statistics="frozen", seed=seed)
    counts = {
        "stem_macs": 100,
        "shared_macs_kept": 0,
        "shared_macs_removed": 900,
        "task_macs": round(1000 * macs) - 100,
    }
    changes = {
        "metrics": Metrics(teacher=Accuracy(), student=Accuracy(test=accuracy)),
        "dataset": "sha256:" + hashlib.sha256(dataset.encode()).hexdigest(),
        "complexity": made.complexity.model_copy(update=counts),
    }
    return Manifest.model_validate(made.model_copy(update=changes).model_dump())


def publish(registry: Registry, *accuracies: float | None, task: str = "signs", dataset: str = "signs") -> None:
    """One version an accuracy."""
    for accuracy in accuracies:
        seed = len(registry.index.all_published(task))
        made = manifest(task=task, seed=seed, accuracy=accuracy, dataset=dataset)
        registry.publish(task, bundle_bytes(made), actor="me")


def publish_evaluated(
    registry: Registry, *answers: Sequence[bool], task: str = "signs", dataset: str = "signs"
) -> None:
    """One version for each list of answers to the test images, right or not. That with seed n took n + 1 ms."""
    for right in answers:
        seed = len(registry.index.all_published(task))
        data = bundle_bytes(manifest(task=task, seed=seed, accuracy=float(np.mean(right)), dataset=dataset))
        found = Evaluation(right=np.array(right, bool), milliseconds=seed + 1.0, measured_on="CPU, 2 threads")
        kept = {EVALUATIONS: registry.blobs.put(written({digest_of(data): found}))}
        registry.publish(task, data, actor="me", attachments=kept)


def publish_packed(
    registry: Registry, right: Sequence[bool], *, after: str, task: str = "signs", dataset: str = "signs"
) -> VersionRecord:
    """A version of method packnet with these answers, which stands on the bundle of digest `after`; it took 7 ms."""
    linked = decode(link_bytes(task, after=after, place=1))
    costs = packed_complexity(geometry("mini26"), image_side=32, classes=2, owned=OWNED)
    changes = {"dataset": "sha256:" + hashlib.sha256(dataset.encode()).hexdigest(), "complexity": costs}
    data = encode(linked.manifest.model_copy(update=changes), linked.tensors)
    found = Evaluation(right=np.array(right, bool), milliseconds=7.0, measured_on="CPU, 2 threads")
    kept = {EVALUATIONS: registry.blobs.put(written({digest_of(data): found}))}
    return registry.publish(task, data, actor="me", attachments=kept)


def bundle_bytes(made: Manifest) -> bytes:
    return encode(made, random_tensors(made, seed=made.seed))
