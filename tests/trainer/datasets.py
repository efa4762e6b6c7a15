"""Dataset files of a few small images."""

from pathlib import Path

from tests.trainer import archives
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.freeze import freeze


def dataset_file(folder: Path, seed: int, classes: tuple[str, ...] = ("cats", "dogs")) -> Path:
    upload, target = folder / f"{seed}.zip", folder / f"dataset{seed}.zip"
    upload.write_bytes(archives.zip_of(archives.class_folders(classes, each=20, seed=seed)))
    freeze(upload, target, IntakeLimits())
    return target
