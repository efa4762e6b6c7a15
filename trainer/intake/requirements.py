"""What a data set needs before anything can be trained on it."""

from collections import Counter

from trainer.errors import DatasetTooSmall
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.findings import shorten
from trainer.intake.labels import ClassImages
from trainer.intake.placement import SPLITS, Split
from trainer.intake.scanning.scan import Skipped

Counts = dict[str, dict[Split, int]]  # images, by class and split


def count(labels: dict[str, ClassImages], splits: dict[str, Split]) -> Counts:
    tallies = {name: Counter(splits[digest] for digest in images) for name, images in labels.items()}
    return {name: {part: tally[part] for part in SPLITS} for name, tally in tallies.items()}


def too_small(counts: Counts, skipped: list[Skipped], limits: IntakeLimits) -> DatasetTooSmall | None:
    """The error to raise, if any."""
    sums = {name: sum(splits.values()) for name, splits in counts.items()}
    fault = _size_fault(sums, limits) or _split_fault(counts)
    if fault is None:
        return None
    return DatasetTooSmall(fault, sums, shorten([f"{skip.file} ({skip.reason})" for skip in skipped]))


def _size_fault(counts: dict[str, int], limits: IntakeLimits) -> str | None:
    if len(counts) < limits.classes:
        found = f"found only {', '.join(counts)}" if counts else "found none"
        return f"at least {limits.classes} class folders with images are needed, {found}"
    small = [f"{name} has {count}" for name, count in counts.items() if count < limits.images_per_class]
    if small:
        return f"every class needs at least {limits.images_per_class} usable images: {', '.join(shorten(small))}"
    return None


def _split_fault(counts: Counts) -> str | None:
    untrained = [name for name, splits in counts.items() if not splits["train"]]
    return f"no training images in {', '.join(shorten(untrained))}" if untrained else None
