"""What a report is made from, and what the network predicts for the test images.

Legend: N test images, K classes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nettailor.bundle.bundle import Bundle
from nettailor.bundle.manifest import Manifest
from nettailor.network.backbones import Backbone, channels_last
from nettailor.network.whole_network import network_of
from registry.journal.records import VersionRecord
from trainer.reports.origin import Origin
from trainer.training.data import evaluation_batches
from trainer.training.fit import Epoch
from trainer.training.images import LabelledImages

_BATCH = 64


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A finished tailoring: `pareto_front` has the rows of the job's result, `history` the epochs of every run by
    "<fold>/<run>", `seconds` what each stage took, `inspection` what the job tells of its upload (None where an older
    release took it in). `finished_early`, `time` and `compared` (with the version it started from) are what the job's
    result has of them. `origin` is None where no job made it, `live` the version that was live then."""

    bundle: Bundle
    pareto_front: Sequence[Mapping[str, Any]]
    test: LabelledImages
    history: Mapping[str, Sequence[Epoch]] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    inspection: Mapping[str, Any] | None = None
    finished_early: Mapping[str, Any] | None = None
    time: Mapping[str, Any] | None = None
    compared: Mapping[str, Any] | None = None
    origin: Origin | None = None
    live: VersionRecord | None = None

    @property
    def manifest(self) -> Manifest:
        return self.bundle.manifest


@dataclass(frozen=True, kw_only=True)
class Findings:
    """The predictions for the test split: `probabilities` (N, K), `labels` (N,)."""

    classes: tuple[str, ...]
    probabilities: NDArray[np.float32]
    labels: NDArray[np.int64]

    @property
    def found(self) -> NDArray[np.int64]:
        """The class the network chose, (N,)."""
        chosen: NDArray[np.int64] = self.probabilities.argmax(1)
        return chosen

    @property
    def confidence(self) -> NDArray[np.float32]:
        """The probability of that class, (N,)."""
        highest: NDArray[np.float32] = self.probabilities.max(1)
        return highest

    @property
    def right(self) -> NDArray[np.bool_]:
        right: NDArray[np.bool_] = np.equal(self.found, self.labels)
        return right


@torch.inference_mode()
def look(tailoring: Finished, backbone: Backbone) -> Findings:
    """Run the bundle's own student, fp32, over the test images. Runs on the CPU, and moves the backbone there."""
    manifest = tailoring.manifest
    student = channels_last(network_of(backbone.cpu(), tailoring.bundle))
    batches = evaluation_batches(tailoring.test, manifest.preprocessing, batch_size=_BATCH)
    rows = [torch.softmax(student(images), 1) for images, _ in batches]
    probabilities = torch.cat(rows) if rows else torch.empty(0, len(manifest.classes))
    return Findings(classes=manifest.classes, probabilities=probabilities.numpy(), labels=tailoring.test.labels.numpy())
