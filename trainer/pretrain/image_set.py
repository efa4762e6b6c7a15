"""An image set: a zip of class folders as arrays of small pictures."""

import io
import itertools
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

STORED_SIDE = 64  # px; every image is kept at this side, crops are cut from it


@dataclass(frozen=True, kw_only=True)
class ImageSet:
    """`images` (N, 3, STORED_SIDE, STORED_SIDE) uint8, `labels` (N,) int64 in 0..classes-1, all on the CPU."""

    name: str
    images: Tensor
    labels: Tensor
    classes: int


def read_zip(path: Path, split: str, cache: Path, *, most: int | None = None) -> ImageSet:
    """One split of a zip of class folders, decoded once and kept as arrays under `cache`; the first `most` images of
    each class, or all."""
    cached = cache / f"{path.stem}_{split}{'' if most is None else f'_{most}'}.npz"
    if not cached.exists():
        cache.mkdir(parents=True, exist_ok=True)
        images, labels, classes = _decode_zip(path, split, most)
        np.savez(cached, images=images, labels=labels, classes=classes)
    with np.load(cached) as arrays:
        return ImageSet(
            name=path.stem,
            images=torch.from_numpy(arrays["images"]),
            labels=torch.from_numpy(arrays["labels"]),
            classes=int(arrays["classes"]),
        )


def _decode_zip(path: Path, split: str, most: int | None) -> tuple[np.ndarray, np.ndarray, int]:
    with zipfile.ZipFile(path) as archive:
        members = sorted(n for n in archive.namelist() if n.startswith(f"{split}/") and not n.endswith("/"))
        by_class = {name: list(group) for name, group in itertools.groupby(members, lambda m: m.split("/")[1])}
        classes, members = list(by_class), [m for group in by_class.values() for m in group[:most]]
        images = np.empty((len(members), 3, STORED_SIDE, STORED_SIDE), np.uint8)
        for row, member in enumerate(members):
            image = Image.open(io.BytesIO(archive.read(member))).convert("RGB")
            image = image.resize((STORED_SIDE, STORED_SIDE), Image.Resampling.BICUBIC)
            images[row] = np.asarray(image).transpose(2, 0, 1)
    labels = np.array([classes.index(m.split("/")[1]) for m in members], np.int64)
    return images, labels, len(classes)
