"""Activation ranges, and what int8 costs, for a version that lacks them: a new version with the same weights."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nettailor.bundle.bundle import Bundle, decode, digest_of, encode
from nettailor.bundle.manifest import Int8Costs, format_of, may_have_ranges
from nettailor.errors import ImageInvalid
from nettailor.images import decode as decode_image
from nettailor.images import normalise, prepare
from nettailor.network.backbones import Backbone, load_backbone
from nettailor.network.int8.calibration import IMAGES, calibrated_ranges, range_tensors
from nettailor.network.stored_backbone import stored_backbone
from nettailor.network.student import Student
from registry.errors import AnswersMissing, BlobMissing
from registry.journal.records import VersionRecord
from registry.registry import LIVE, Registry
from registry.storage.blobs import Blobs
from registry.versions.evaluation import EVALUATIONS, evaluation_of, written
from trainer.errors import CannotCalibrate
from trainer.recipe.pareto import pareto_front_of
from trainer.training.data import evaluation_batches, load_split
from trainer.training.images import LabelledImages
from trainer.training.int8 import calibrated

_BATCH = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class _Found:
    """`costs` is None where the images have no labels; `recipe` says what they were."""

    tensors: Mapping[str, NDArray[np.float32]]
    costs: Int8Costs | None
    recipe: Mapping[str, Any]


def calibrate(
    registry: Registry,
    task: str,
    version: int | None,
    *,
    images: Sequence[Path] | None,
    weights: Mapping[str, Path | None],
    actor: str,
) -> VersionRecord:
    """Publish a version (None: the live one) once more, with activation ranges; no alias names it yet. What it was
    tailored on is asked, its validation images for the ranges and both splits for what int8 costs; or files with
    `images`, for the ranges alone. A version with ranges of which nobody has measured the cost gets both anew.
    `weights` are local files of backbones, by name; others have their usual ones.

    Raises `TaskUnknown`, `VersionUnknown`, `AliasUnknown`, `BlobMissing`, `BlobCorrupt`, `CannotCalibrate`, what
    loading a backbone raises, and `TaskWasDeleted` if the task is deleted meanwhile.
    """
    since = registry.sequence(task)
    record = registry.resolve(task, alias=LIVE) if version is None else registry.version_record(task, version)
    if not may_have_ranges(record.manifest.method):
        raise CannotCalibrate(task, record.version, f"method {record.manifest.method} has weights of its own")
    if record.manifest.activation_ranges and (images is not None or record.manifest.metrics.int8 is not None):
        raise CannotCalibrate(task, record.version, "it has activation ranges already")
    bundle = decode(registry.read_bundle(record))
    student = Student.from_bundle(_backbone(registry, record, weights), bundle)
    found = _on_dataset(registry, record, student) if images is None else _on_files(record, student, images)
    data = _with_ranges(bundle, found)
    return registry.publish(
        task,
        data,
        actor=actor,
        job=record.job,
        note=f"version {record.version} with activation ranges",
        attachments=_attachments(registry.blobs, record, digest_of(data)),
        since=since,
    )


def _with_ranges(bundle: Bundle, found: _Found) -> bytes:
    manifest = bundle.manifest
    changes = {
        "format": format_of(manifest.method, activation_ranges=True),
        "activation_ranges": True,
        "metrics": manifest.metrics.model_copy(update={"int8": found.costs}),
        "recipe": manifest.recipe | {"calibrated_from": bundle.digest, **found.recipe},
    }
    return encode(manifest.model_copy(update=changes), {**bundle.tensors, **found.tensors})


def _attachments(blobs: Blobs, record: VersionRecord, digest: str) -> dict[str, str]:
    """The front, and the answers that were measured of these weights, for the bundle of this digest now."""
    attached = pareto_front_of(record)
    attached.pop(EVALUATIONS, None)
    try:
        return attached | {EVALUATIONS: blobs.put(written({digest: evaluation_of(record, blobs)}))}
    except AnswersMissing:
        return attached


def _backbone(registry: Registry, record: VersionRecord, weights: Mapping[str, Path | None]) -> Backbone:
    needed = record.manifest.backbone
    for stored in registry.backbones.all():
        if stored.fingerprint == needed.fingerprint:
            return stored_backbone(registry.backbones.read(stored), stored.name)
    return load_backbone(needed.id, weights.get(needed.id))


def _on_dataset(registry: Registry, record: VersionRecord, student: Student) -> _Found:
    preprocessing = record.manifest.preprocessing

    @torch.inference_mode()
    def answers(network: Student, images: LabelledImages) -> Tensor:
        return torch.cat([network(batch).argmax(1) for batch, _ in evaluation_batches(images, preprocessing)])

    with tempfile.TemporaryDirectory(prefix="nettailor-calibrate-") as folder:
        file = Path(folder) / "dataset.zip"
        try:
            registry.blobs.fetch(record.manifest.dataset, file)
        except BlobMissing as gone:
            reason = "the data set that it was tailored on is not in the registry"
            hint = "" if record.manifest.activation_ranges else ": give images"  # these do for ranges alone
            raise CannotCalibrate(record.task, record.version, reason + hint) from gone
        val, test = (load_split(file, split, preprocessing) for split in ("val", "test"))
        if not len(val):
            raise CannotCalibrate(record.task, record.version, "its data set has no validation images: give images")
        low = calibrated(student, val, test, preprocessing, answers)
    return _Found(tensors=low.tensors, costs=low.costs, recipe={"calibrated_on": "validation"})


def _on_files(record: VersionRecord, student: Student, files: Sequence[Path]) -> _Found:
    preprocessing = record.manifest.preprocessing
    rows = list(_prepared(record, files))
    if not rows:
        raise CannotCalibrate(record.task, record.version, "there is no image")
    pixels = np.stack(rows)
    batches = (torch.from_numpy(normalise(pixels[i : i + _BATCH], preprocessing)) for i in range(0, len(rows), _BATCH))
    tensors = range_tensors(calibrated_ranges(student, batches))
    return _Found(tensors=tensors, costs=None, recipe={"calibrated_on": "images", "calibration_images": len(rows)})


def _prepared(record: VersionRecord, files: Sequence[Path]) -> Iterator[NDArray[np.uint8]]:
    """As many of the images as calibration needs, from all over them."""
    preprocessing = record.manifest.preprocessing
    for path in files[:: max(1, -(-len(files) // IMAGES))]:
        try:
            image = decode_image(path.read_bytes(), side=preprocessing.resize, value_range=preprocessing.value_range)
        except ImageInvalid as fault:
            raise CannotCalibrate(record.task, record.version, f"{path} cannot be read: {fault}") from fault
        yield prepare(image, preprocessing)
