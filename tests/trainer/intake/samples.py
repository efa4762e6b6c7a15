"""Uploads whose images tell their true class and split in their pixels, and a check that intake agrees.

Build a layout from `benchmarks.exports.samples`, hand its files to `take_in`, and the outcome to `assert_right`.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.exports.judging import wrong_images
from benchmarks.exports.packing import Files, zip_of
from benchmarks.exports.reading import Outcome, freeze_upload
from benchmarks.exports.samples import CLASSES, Sample
from trainer.intake.placement import SPLITS, Split


def take_in(folder: Path, files: Files, classes: Sequence[str] = CLASSES) -> Outcome:
    return freeze_upload(folder, zip_of(files), classes)


def assert_right(
    outcome: Outcome, expected: Iterable[Sample], *, given: Iterable[Split] = SPLITS, names: Sequence[str] = CLASSES
) -> None:
    """Every expected image is there, under its class and split, and no other is; `wrong_images` says how."""
    assert list(wrong_images(outcome.images, expected, given=tuple(given), names=names)) == []
