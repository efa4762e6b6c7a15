"""Accuracy against complexity: every network that a tailoring tried, each a bundle that can be published."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from nettailor.bundle.bundle import digest_of
from nettailor.bundle.manifest import Manifest
from registry.journal.records import VersionRecord
from registry.storage.blobs import Blobs
from registry.versions.attachments import read
from registry.versions.evaluation import EVALUATIONS, Evaluation, written
from trainer.events import Json

POINTS = "front/points.json"  # the attachment of a version that lists the points


def point_name(blocks_removed: int) -> str:
    """The attachment of a version that holds a point's bundle."""
    return f"front/k{blocks_removed:02d}.safetensors"


@dataclass(frozen=True, kw_only=True)
class Point:
    """One network that was tried.

    `cost` is what the recipe's measure counts, as a share of the backbone; `milliseconds` of an image by the table of
    the latency budget, if there was one. `good` says that it is within the target, `pareto` that no other network is
    as accurate (validation) and as cheap, and better in one of the two. `evaluation` is of the test split.
    """

    blocks_removed: int
    bundle: bytes
    manifest: Manifest
    cost: float
    milliseconds: float | None
    good: bool
    pareto: bool
    chosen: bool
    evaluation: Evaluation

    def row(self) -> dict[str, Json]:
        """As the job's result has it. Accuracies are shares; `test_accuracy` was no part of the choice; each is of
        so many images."""
        accuracy, complexity = self.manifest.metrics.student, self.manifest.complexity
        row: dict[str, Json] = {
            "k": self.blocks_removed,
            "accuracy": accuracy.validation,
            "test_accuracy": accuracy.test,
            "validated_on": self.manifest.validation_images,
            "tested_on": self.manifest.test_images,
            "cost": self.cost,
            "macs_removed": complexity.net_macs_removed,
            "params_removed": complexity.net_params_removed,
            "good": self.good,
            "pareto": self.pareto,
            "chosen": self.chosen,
            "digest": digest_of(self.bundle),
            "size_bytes": len(self.bundle),
        }
        return row if self.milliseconds is None else row | {"milliseconds": self.milliseconds}


def store_pareto_front(points: Sequence[Point], blobs: Blobs) -> dict[str, str]:
    """Write the points' bundles, their list and their evaluations as blobs: the attachments (name -> digest) of the
    version."""
    if not points:
        return {}
    rows = json.dumps([point.row() for point in points], sort_keys=True, separators=(",", ":"))
    attached = {point_name(point.blocks_removed): blobs.put(point.bundle) for point in points}
    evaluations = written({digest_of(point.bundle): point.evaluation for point in points})
    return attached | {POINTS: blobs.put(rows.encode()), EVALUATIONS: blobs.put(evaluations)}


def read_pareto_front(record: VersionRecord, blobs: Blobs) -> list[dict[str, Json]]:
    """A row for each point of a version, leanest last. Raises `BlobMissing`, `BlobCorrupt`."""
    if POINTS not in record.attachments:
        return []
    rows = json.loads(read(blobs, record, POINTS))
    # a version that came from a file of another installation has whatever that file held
    return [row for row in rows if isinstance(row, dict) and "digest" in row] if isinstance(rows, list) else []


def pareto_front_of(record: VersionRecord) -> dict[str, str]:
    """The attachments of a version that hold its points."""
    return {name: digest for name, digest in record.attachments.items() if name.startswith("front/")}
