"""A warm start: the student begins where an earlier version of the task ended.

Legend: K classes.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from nettailor.architecture.plan import Plan
from nettailor.bundle.bundle import Bundle, decode
from nettailor.durable import write_durably
from nettailor.network.student import Student
from registry.errors import AliasUnknown, BlobCorrupt, BlobMissing, TaskUnknown, VersionUnknown
from registry.registry import Registry
from trainer.errors import OptionsInvalid
from trainer.training.evaluate import image_digests
from trainer.training.images import LabelledImages

logger = logging.getLogger(__name__)

_BLOCK = -1  # a path's name: the block, or the source of a proxy
_ROOM = 0.1  # share of a node's alphas for the paths that the earlier version had pruned, so that they can come back


@dataclass(frozen=True, kw_only=True)
class WarmStart:
    """The version to start from, and the digests (hex sha256) of the images that it was trained on and chosen by, which
    are None where its dataset is gone."""

    version: int
    bundle: Bundle
    trained_on: frozenset[str] | None
    chosen_by: frozenset[str] | None

    @property
    def seen(self) -> frozenset[str] | None:
        """The images that the version's accuracy cannot be measured on."""
        if self.trained_on is None or self.chosen_by is None:
            return None
        return self.trained_on | self.chosen_by


def find_warm_start(start: str, task: str, registry: Registry, folder: Path) -> WarmStart:
    """The version that `start` names: `live`, or a number. A copy of its bundle stays in the folder, so that a run that
    goes on after a break starts from the same version even if another is live by then. Raises `OptionsInvalid`."""
    for kept in folder.glob("warm-*.safetensors"):
        version, bundle = int(kept.stem.removeprefix("warm-")), decode(kept.read_bytes())
        return _warm_start(version, bundle, registry, folder)
    try:
        record = registry.resolve(task) if start == "live" else registry.version_record(task, int(start))
        data = registry.read_bundle(record)
    except (TaskUnknown, AliasUnknown, VersionUnknown, BlobMissing, BlobCorrupt) as fault:
        raise OptionsInvalid("warm_start", str(fault)) from fault
    # `live` may be another version than when the options were checked.
    if record.manifest.is_whole or record.manifest.is_packed:
        reason = f"version {record.version} is of method {record.manifest.method}: it has no proxies to start from"
        raise OptionsInvalid("warm_start", reason)
    write_durably(folder / f"warm-{record.version}.safetensors", [data])
    return _warm_start(record.version, decode(data), registry, folder)


def _warm_start(version: int, bundle: Bundle, registry: Registry, folder: Path) -> WarmStart:
    target = folder / "earlier-dataset.zip"
    splits: dict[str, frozenset[str] | None] = {"train": None, "val": None}
    try:
        registry.blobs.fetch(bundle.manifest.dataset, target)
        splits = {split: frozenset(image_digests(target, split)) for split in splits}
    except (BlobMissing, BlobCorrupt) as fault:
        logger.warning("warm start from version %s: %s", version, fault)
    finally:
        target.unlink(missing_ok=True)
    return WarmStart(version=version, bundle=bundle, trained_on=splits["train"], chosen_by=splits["val"])


def without_trained_on(images: LabelledImages, digests: Sequence[str], start: WarmStart) -> LabelledImages:
    """The validation images that the earlier version was not trained on, or all of them where none would be left. On
    the others a student that starts as that version would look better than it is. `digests` are of the images, in
    order."""
    trained_on = start.trained_on or frozenset()
    rows = [row for row, digest in enumerate(digests) if digest not in trained_on]
    return images.rows(torch.tensor(rows)) if 0 < len(rows) < len(images) else images


@torch.no_grad()
def start_from(student: Student, bundle: Bundle, classes: Sequence[str]) -> None:
    """Copy what a full student has in common with a bundle of the same backbone: proxies, alphas, the blocks'
    statistics, adapters, and the classifier's rows of those of the K classes, by name, that the bundle knows. The rest
    stays."""
    _copy_proxies(student, bundle)
    _copy_statistics(student, bundle)
    student.load_adapters(bundle.tensors)
    _copy_rows(student.head, bundle, classes)
    for node in student.plan.nodes():
        _copy_alphas(student, bundle, node)


def _copy_proxies(student: Student, bundle: Bundle) -> None:
    own = student.state_dict()  # its tensors are the student's
    for name, array in bundle.tensors.items():
        if name.startswith("proxies.") and name in own:
            own[name].copy_(torch.from_numpy(array.copy()))


def _copy_statistics(student: Student, bundle: Bundle) -> None:
    if student.statistics != "task":
        return
    for name, norm in student.blocks.named_modules():
        if isinstance(norm, nn.BatchNorm2d) and f"statistics.{name}.mean" in bundle.tensors:
            assert norm.running_mean is not None
            assert norm.running_var is not None
            norm.running_mean.copy_(torch.from_numpy(bundle.tensors[f"statistics.{name}.mean"].copy()))
            norm.running_var.copy_(torch.from_numpy(bundle.tensors[f"statistics.{name}.var"].copy()))


def _copy_rows(head: nn.Linear, bundle: Bundle, classes: Sequence[str]) -> None:
    known = {name: row for row, name in enumerate(bundle.manifest.classes)}
    weight, bias = (torch.from_numpy(bundle.tensors[f"head.{part}"].copy()) for part in ("weight", "bias"))
    for row, name in enumerate(classes):
        if name in known:
            head.weight[row].copy_(weight[known[name]])
            head.bias[row].copy_(bias[known[name]])


def _copy_alphas(student: Student, bundle: Bundle, node: int) -> None:
    """The bundle's alphas, scaled to leave room for the paths that only the student has."""
    before = _paths(bundle.manifest.plan, node)
    found = dict(zip(before, bundle.tensors[f"alphas.{node}"].tolist(), strict=True)) if before else {}
    paths = _paths(student.plan, node)
    common = sum(found.get(path, 0.0) for path in paths)
    if common <= 0:
        return  # the bundle has no path into this node, which keeps its own start
    missing = sum(path not in found for path in paths)
    room = _ROOM if missing else 0.0
    alphas = [found[path] * (1 - room) / common if path in found else room / missing for path in paths]
    logits: Tensor = torch.tensor(alphas).clamp_min(torch.finfo(torch.float32).tiny).log()
    student.alphas[str(node)].copy_(logits)


def _paths(plan: Plan, node: int) -> list[int]:
    return [_BLOCK] * plan.keeps_block(node) + list(plan.sources(node))
