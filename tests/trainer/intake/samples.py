"""Uploads whose images tell their true class and split in their pixels, and a check that intake agrees.

Build a layout from `samples()`, hand its files to `take_in`, and the outcome to `assert_right`.
"""

import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tests.trainer import archives
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.freeze import IntakeReport, freeze
from trainer.intake.placement import SPLITS, Split

CLASSES = ("cat", "dog", "owl")
_SIDE, _BLOCK = 24, 6  # pixels


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One image of a class and split; ``number`` counts within both."""

    label: str
    split: Split
    number: int
    classes: tuple[str, ...] = CLASSES

    @property
    def name(self) -> str:
        """A name that no other sample has, and that tells nothing."""
        return f"img_{archives.hash_seed(self.label, self.split, self.number):08x}.png"

    @property
    def data(self) -> bytes:
        """Noise, and two blocks in the upper corners: their grey levels are the class and the split."""
        rng = np.random.default_rng(archives.hash_seed(self.label, self.split, self.number))
        pixels = rng.integers(0, 256, (_SIDE, _SIDE, 3), dtype=np.uint8)
        pixels[:_BLOCK, :_BLOCK] = self.classes.index(self.label)
        pixels[:_BLOCK, -_BLOCK:] = SPLITS.index(self.split)
        target = io.BytesIO()
        Image.fromarray(pixels).save(target, "PNG")
        return target.getvalue()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The report, and of every frozen image the class and split that it got and those in its pixels."""

    report: IntakeReport
    images: tuple[tuple[tuple[str, str], tuple[str, str]], ...]

    @property
    def weights(self) -> list[str]:
        return [finding.weight for finding in self.report.findings]

    @property
    def reasons(self) -> dict[str, str]:
        return {skip.file: skip.reason for skip in self.report.skipped}


def samples(classes: Sequence[str] = CLASSES, *, splits: Iterable[Split] = SPLITS, each: int = 8) -> list[Sample]:
    names = tuple(classes)
    return [
        Sample(label=label, split=split, number=number, classes=names)
        for split in splits
        for label in names
        for number in range(each)
    ]


def take_in(folder: Path, files: archives.Files, classes: Sequence[str] = CLASSES) -> Outcome:
    (folder / "upload").write_bytes(archives.zip_of(files))
    report = freeze(folder / "upload", folder / "dataset.zip", IntakeLimits())
    with zipfile.ZipFile(folder / "dataset.zip") as archive:
        names = json.loads(archive.read("dataset.json"))["classes"]
        paths = [name.split("/") for name in archive.namelist() if name != "dataset.json"]
        images = tuple(
            ((names[int(index)], split), _coded(archive.read(f"{split}/{index}/{file}"), classes))
            for split, index, file in paths
        )
    return Outcome(report=report, images=images)


def assert_right(
    outcome: Outcome, expected: Iterable[Sample], *, given: Iterable[Split] = SPLITS, names: Sequence[str] = CLASSES
) -> None:
    """Every expected image is there, under its class and split, and no other is.

    ``given`` are the splits that the upload tells: images of the others may be anywhere, and those that it lacks are
    cut from the training images. ``names`` are the classes as the upload calls them, in the order of the samples'.
    """
    told, true = frozenset(given), list(expected)
    classes = true[0].classes
    assert len(outcome.images) == len(true)
    for (label, split), (true_label, true_split) in outcome.images:
        assert label == names[classes.index(true_label)]
        if true_split in told:
            cut = set(SPLITS) - told if true_split == "train" else set()
            assert split in {true_split, *cut}


def _coded(data: bytes, classes: Sequence[str]) -> tuple[str, str]:
    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("L"))
    return classes[int(pixels[0, 0])], SPLITS[int(pixels[0, -1])]
