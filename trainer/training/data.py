"""A dataset file as tensors, and the batches that training sees.

Legend: N images, S pixels a side.
"""

import hashlib
import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path, PurePosixPath

import torch
from torch import Tensor
from torch.nn import functional as F

from nettailor.bundle.preprocessing import Preprocessing
from nettailor.images import common_range, decode, prepare, value_span
from trainer.intake.placement import SPLITS, Split
from trainer.training.distributed import ProcessGroup
from trainer.training.images import LabelledImages, Pixels
from trainer.training.pixel_store import IN_MEMORY_BYTES, empty_pixels

ALONE = ProcessGroup()
MARGIN = 1.25  # training images are kept this much larger than the crop, for random crops
_EVALUATED = 128  # images in a batch
_EVALUATED_PIXELS = 256 * 128**2  # in a batch: a network's first features of so many take a gigabyte


@dataclass(frozen=True, kw_only=True)
class TaskData:
    """A decoded dataset; `digest` is the dataset file's. `groups` (M,) int64 numbers the images of the store: those of
    one number belong together. None where each image is its own."""

    classes: tuple[str, ...]
    train: LabelledImages
    val: LabelledImages
    test: LabelledImages
    digest: str
    preprocessing: Preprocessing
    groups: Tensor | None = None


def load_dataset(path: Path, preprocessing: Preprocessing, *, in_memory_bytes: int = IN_MEMORY_BYTES) -> TaskData:
    """Decode a dataset file, as `trainer.intake.freeze` writes it. The preprocessing gets the value range of its
    training images, where they need one.

    Each image is held once, for all splits and folds; pixels of more than `in_memory_bytes` in a mapped file beside the
    dataset's. Raises `OSError` where the disk has no room for that.
    """
    with zipfile.ZipFile(path) as archive:
        preprocessing = _with_value_range(archive, preprocessing)
        header = json.loads(archive.read("dataset.json"))
        splits = _read_splits(archive, SPLITS, preprocessing, path.parent, in_memory_bytes)
        groups = _read_groups(archive, header["groups"]) if "groups" in header else None
    with path.open("rb") as file:
        digest = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    return TaskData(
        classes=tuple(header["classes"]), digest=digest, preprocessing=preprocessing, groups=groups, **splits
    )


def load_split(path: Path, split: Split, preprocessing: Preprocessing) -> LabelledImages:
    """One split of a dataset file."""
    with zipfile.ZipFile(path) as archive:
        return _read_splits(archive, (split,), preprocessing, path.parent, IN_MEMORY_BYTES)[split]


def _with_value_range(archive: zipfile.ZipFile, preprocessing: Preprocessing) -> Preprocessing:
    """With that of the images that have more than 8 bits and do not state what is black and white, if there are any:
    an image alone does not tell how dark it is."""
    members = sorted(name for name in archive.namelist() if name.startswith("train/"))
    found = [value_span(archive.read(member)) for member in members]
    spans = [span for span in found if span is not None]
    return preprocessing.model_copy(update={"value_range": common_range(spans)}) if spans else preprocessing


def _read_splits(
    archive: zipfile.ZipFile,
    splits: Sequence[Split],
    preprocessing: Preprocessing,
    folder: Path,
    in_memory_bytes: int,
) -> dict[Split, LabelledImages]:
    """The splits as views of one store."""
    members = _members(archive, splits)
    pixels = _read_pixels(archive, list(chain(*members.values())), preprocessing, folder, in_memory_bytes)
    labels = [torch.tensor([int(name.split("/")[1]) for name in found]) for found in members.values()]
    places = torch.arange(len(pixels.exact)).split([len(found) for found in members.values()])
    return {
        split: LabelledImages(pixels=pixels, places=own_places, labels=own_labels.to(torch.int64))
        for split, own_places, own_labels in zip(splits, places, labels, strict=True)
    }


def _members(archive: zipfile.ZipFile, splits: Sequence[Split]) -> dict[Split, list[str]]:
    """In the order of the store."""
    names = sorted(archive.namelist())
    return {split: [name for name in names if name.startswith(f"{split}/")] for split in splits}


def _read_groups(archive: zipfile.ZipFile, groups: Sequence[Sequence[str]]) -> Tensor:
    """The number of each image's group, given the digests of those that have company."""
    members = chain(*_members(archive, SPLITS).values())
    rows = {PurePosixPath(member).stem: row for row, member in enumerate(members)}
    numbers = torch.arange(len(rows))
    for group in groups:
        numbers[[rows[digest] for digest in group]] = rows[group[0]]
    return numbers


def _read_pixels(
    archive: zipfile.ZipFile, members: Sequence[str], preprocessing: Preprocessing, folder: Path, in_memory_bytes: int
) -> Pixels:
    crop, side = preprocessing.crop, round(preprocessing.crop * MARGIN)
    roomy = preprocessing.model_copy(update={"resize": round(preprocessing.resize * MARGIN), "crop": side})
    in_memory = 3 * len(members) * (crop**2 + side**2) <= in_memory_bytes
    exact, wide = (
        empty_pixels((len(members), 3, pixels, pixels), folder, in_memory=in_memory) for pixels in (crop, side)
    )
    for row, member in enumerate(members):
        image = decode(archive.read(member), side=preprocessing.resize, value_range=preprocessing.value_range)
        exact[row], wide[row] = prepare(image, preprocessing), prepare(image, roomy)
    return Pixels(exact=torch.from_numpy(exact), wide=torch.from_numpy(wide))


def to_input(images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Images as float 0..1 or uint8 (N, 3, H, W) -> normalised float32, channels-last."""
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (preprocessing.mean, preprocessing.std))
    # In place where the numbers are a copy, so that a batch is not held several times.
    x = images.float().div_(255).sub_(mean) if images.dtype == torch.uint8 else images - mean
    return x.div_(std).contiguous(memory_format=torch.channels_last)


def training_batches(
    images: LabelledImages,
    preprocessing: Preprocessing,
    *,
    batch_size: int,
    flip: bool,
    generator: torch.Generator,
    group: ProcessGroup = ALONE,
) -> Iterator[tuple[Tensor, Tensor, float]]:
    """One epoch in random order: augmented inputs (B, 3, crop, crop), labels (B,), and the share that these are of the
    process group's whole batch (1 for a process alone).

    Random crops (one size a batch, one place an image), brightness and contrast, flips if they keep the class. A last
    batch of less than half the size is left out: batch statistics of few images do harm.
    """
    order = torch.randperm(len(images), generator=generator)
    for rows in order.split(batch_size):
        if len(rows) < batch_size // 2 and len(rows) < len(order):
            return
        change = _Change.draw(len(rows), preprocessing.crop, images.wide_side, flip, generator)
        own = group.share(torch.arange(len(rows)))
        x = change.of(own).apply(images.wide(rows[own]), preprocessing.crop)
        yield to_input(x, preprocessing), images.labels[rows[own]], len(own) / len(rows)


@dataclass(frozen=True, kw_only=True)
class _Change:
    """What augmentation does to the images of a batch; drawn for the whole batch, so that a process group agrees."""

    crop: int  # pixels a side
    corners: Tensor  # (B, 2)
    mirrored: Tensor | None  # (B,) bool
    gain: Tensor  # (B, 2, 1, 1, 1): brightness and contrast

    @classmethod
    def draw(cls, count: int, side: int, stored: int, flip: bool, generator: torch.Generator) -> "_Change":
        crop = int(torch.randint(side, stored + 1, (), generator=generator))
        return cls(
            crop=crop,
            corners=torch.randint(stored - crop + 1, (count, 2), generator=generator),
            mirrored=torch.rand(count, generator=generator) < 0.5 if flip else None,
            gain=1 + 0.2 * (2 * torch.rand(count, 2, 1, 1, 1, generator=generator) - 1),
        )

    def of(self, rows: Tensor) -> "_Change":
        mirrored = None if self.mirrored is None else self.mirrored[rows]
        return replace(self, corners=self.corners[rows], mirrored=mirrored, gain=self.gain[rows])

    def apply(self, wide: Tensor, side: int) -> Tensor:
        """uint8 (N, 3, S, S) -> float 0..1 (N, 3, side, side)."""
        crop = self.crop
        corners = self.corners.tolist()
        cropped = torch.stack([i[:, y : y + crop, x : x + crop] for i, (y, x) in zip(wide, corners, strict=True)])
        x = cropped.float() / 255
        if crop != side:
            x = F.interpolate(x, size=(side, side), mode="bilinear", antialias=True)
        if self.mirrored is not None:
            x = torch.where(self.mirrored[:, None, None, None], x.flip(3), x)
        mean = x.mean((1, 2, 3), keepdim=True)
        return (self.gain[:, 0] * mean + self.gain[:, 1] * (x - mean)).clamp(0, 1)


def evaluation_batches(
    images: LabelledImages, preprocessing: Preprocessing, *, batch_size: int | None = None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches in the images' own order, prepared as serving does: of 128, whose features are nearer to the processor's
    caches than those of more, or of as many large ones as fit."""
    size = batch_size or min(_EVALUATED, max(1, _EVALUATED_PIXELS // preprocessing.crop**2))
    for rows in torch.arange(len(images)).split(size):
        yield to_input(images.exact(rows), preprocessing), images.labels[rows]
