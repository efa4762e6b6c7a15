"""Small sets to pretrain on."""

from pathlib import Path

import torch

from tests.trainer import archives
from trainer.pretrain.image_set import ImageSet


def zip_of_splits(path: Path, classes: list[str], each: int = 70) -> Path:
    """By default more training images than a batch has, as there have to be."""
    train = archives.class_folders(classes, each=each, prefix="train/")
    test = archives.class_folders(classes, each=2, prefix="test/", seed=1)
    path.write_bytes(archives.zip_of({**train, **test}))
    return path


def images(name: str, classes: int, seed: int) -> ImageSet:
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (24, 3, 64, 64), dtype=torch.uint8, generator=generator)
    return ImageSet(name=name, images=pixels, labels=torch.arange(24) % classes, classes=classes)
