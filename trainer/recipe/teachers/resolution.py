"""Whether the backbone sees enough of the images: they may be much larger than what it looks at, and what tells their
classes apart may be lost on the way.

Where it is cheap that is measured: linear probes of the frozen features, of a sample of the training images as the
backbone sees them, and of the same images with twice as many pixels a side.

Legend: N images of the sample, S pixels a side.
"""

import zipfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nettailor.bundle.preprocessing import Preprocessing
from nettailor.images import decode, prepare, value_span
from nettailor.network.backbones import Backbone
from trainer.intake.findings import Finding
from trainer.recipe.paired import Right, difference
from trainer.recipe.teachers.linear_probe import PENALTIES, fit_linear_probe
from trainer.training.data import to_input

_MUCH_LARGER = 4  # times as many pixels a side
_CHEAP_SIDE = 64  # beyond it, neither twice the side is cheap nor are classes often lost
_SAMPLE = 400  # images, half of them to fit a probe and half to judge it
_LEAST_OF_A_CLASS = 8
_BATCH = 50


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Which images are recognised by a probe of the features at the backbone's own size, and at twice that."""

    side: int  # S
    as_seen: Right
    at_twice: Right

    @property
    def details_are_lost(self) -> bool:
        """Whether twice the size recognises more, and that is hardly chance."""
        return difference(self.as_seen, self.at_twice).is_loss

    def in_words(self) -> str:
        images = len(self.as_seen)
        return (
            f"of {images} images a linear classifier on its features recognises {int(self.as_seen.sum())} at that "
            f"size, and {int(self.at_twice.sum())} at {2 * self.side} x {2 * self.side}"
        )


def resolution_findings(dataset: Path, backbone: Backbone, *, width: int, height: int) -> list[Finding]:
    """What to say of the images of a dataset file, which are about `width` x `height` pixels (the medians)."""
    side = backbone.preprocessing.crop
    if side > _CHEAP_SIDE or min(width, height) < 2 * side:
        return []
    measured = measure_resolution(dataset, backbone)
    if measured is None or measured.details_are_lost:
        if measured is None and min(width, height) < _MUCH_LARGER * side:
            return []
        return [Finding(weight="warning", text=_text(backbone, width, height, measured) + _ADVICE)]
    if min(width, height) < _MUCH_LARGER * side:
        return []
    return [Finding(weight="note", text=_text(backbone, width, height, measured))]


_ADVICE = " If small things tell the classes apart, tailor a backbone that sees more: --backbone resnet18 (224 x 224)."


def _text(backbone: Backbone, width: int, height: int, measured: Measured | None) -> str:
    side = backbone.preprocessing.crop
    told = "" if measured is None else f"; {measured.in_words()}"
    return (
        f"The images are larger ({width} x {height} pixels in the middle) than the {side} x {side} that the backbone "
        f"{backbone.name} looks at{told}."
    )


def measure_resolution(dataset: Path, backbone: Backbone) -> Measured | None:
    """None where the classes have too few images, or too many classes share the sample. The same file gives the same
    answer. Moves nothing; runs where the backbone is."""
    with zipfile.ZipFile(dataset) as archive:
        members = _sample(archive)
        if members is None:
            return None
        labels = torch.tensor([int(member.split("/")[1]) for member in members])
        as_seen, at_twice = (_right(_features(archive, members, backbone, scale), labels) for scale in (1, 2))
    return Measured(side=backbone.preprocessing.crop, as_seen=as_seen, at_twice=at_twice)


def _sample(archive: zipfile.ZipFile) -> list[str] | None:
    """As many training images of each class, those of a class beside each other."""
    classes: dict[str, list[str]] = defaultdict(list)
    for member in sorted(archive.namelist()):
        if member.startswith("train/"):
            classes[member.split("/")[1]].append(member)
    each = min(_SAMPLE // max(1, len(classes)), *(len(members) for members in classes.values()), _SAMPLE)
    if len(classes) < 2 or each < _LEAST_OF_A_CLASS:
        return None
    chosen = [member for members in classes.values() for member in members[: each - each % 2]]
    return None if any(value_span(archive.read(member)) is not None for member in chosen) else chosen


@torch.inference_mode()
def _features(archive: zipfile.ZipFile, members: list[str], backbone: Backbone, scale: int) -> Tensor:
    """(N, C), of the images with `scale` times the backbone's pixels a side."""
    own = backbone.preprocessing
    larger = own.model_copy(update={"resize": scale * own.resize, "crop": scale * own.crop})
    batches = (members[start : start + _BATCH] for start in range(0, len(members), _BATCH))
    return torch.cat([backbone(_input(archive, batch, larger)) for batch in batches]).clone()


def _input(archive: zipfile.ZipFile, members: list[str], preprocessing: Preprocessing) -> Tensor:
    pixels = [prepare(decode(archive.read(member), side=preprocessing.resize), preprocessing) for member in members]
    return to_input(torch.from_numpy(np.stack(pixels)), preprocessing)


def _right(features: Tensor, labels: Tensor) -> Right:
    """Every image is judged by the probe of the other half of its class's images."""
    half = torch.arange(len(labels)) % 2 == 0
    right = np.zeros(len(labels), bool)
    for fitted in (half, ~half):
        classes = int(labels.max()) + 1
        probe = fit_linear_probe(features[fitted].clone(), labels[fitted], classes, penalty=PENALTIES[0])
        right[(~fitted).numpy()] = (probe(features[~fitted]).argmax(1) == labels[~fitted]).numpy()
    return right
