"""Whose networks are exported: tasks of random weights, or what `benchmarks.tailor` left."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from benchmarks.workloads.resnet34 import random_resnet34, tailored_bundles
from nettailor.bundle.bundle import Bundle, decode
from nettailor.network.backbones import Backbone, load_backbone
from server.export.batches import Pixels
from trainer.training.data import load_dataset

MOST_IMAGES = 500  # of a test split: the engine, too, runs them one thread at a time


@dataclass(frozen=True, kw_only=True, eq=False)
class Subject:
    """A bundle to export. `images` (N, S, S, 3) are of its test split; None: it never had any."""

    name: str
    bundle: Bundle
    images: Pixels | None = None

    @property
    def side(self) -> int:
        return self.bundle.manifest.preprocessing.crop

    @property
    def classes(self) -> int:
        return len(self.bundle.manifest.classes)


@dataclass(frozen=True, kw_only=True, eq=False)
class Group:
    """Subjects that are timed in the same rounds: one backbone, images of one side."""

    backbone: Backbone
    side: int
    subjects: list[Subject]


def random_groups(sides: list[int], tasks: int) -> Iterator[Group]:
    backbone = random_resnet34()
    for side in sides:
        bundles = tailored_bundles(tasks, side, fingerprint=backbone.fingerprint())
        subjects = [Subject(name=bundle.manifest.task, bundle=bundle) for bundle in bundles]
        yield Group(backbone=backbone, side=side, subjects=subjects)


def groups_of_runs(runs: Path) -> Iterator[Group]:
    """Raises `SystemExit` where there is nothing, `BundleInvalid`, `BackboneUnknown`, `BackboneWeightsInvalid`."""
    subjects = [_of_run(path.parent) for path in sorted(runs.glob("*/bundle.safetensors"))]
    if not subjects:
        raise SystemExit(f"{runs} holds no tailored bundles")
    for (name, side), group in groupby(sorted(subjects, key=_kind), key=_kind):
        yield Group(backbone=load_backbone(name), side=side, subjects=list(group))


def _kind(subject: Subject) -> tuple[str, int]:
    return subject.bundle.manifest.backbone.id, subject.side


def _of_run(folder: Path) -> Subject:
    bundle = decode((folder / "bundle.safetensors").read_bytes())
    test = load_dataset(folder / "dataset.zip", bundle.manifest.preprocessing).test.exact()[:MOST_IMAGES]
    return Subject(name=folder.name, bundle=bundle, images=np.ascontiguousarray(test.numpy().transpose(0, 2, 3, 1)))
