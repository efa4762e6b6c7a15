"""What a data set needs before anything can be trained on it."""

from collections import Counter
from collections.abc import Sequence

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


def too_small(
    counts: Counts, skipped: list[Skipped], limits: IntakeLimits, *, unused: Sequence[str] = ()
) -> DatasetTooSmall | None:
    """The error to raise, if any. ``unused`` are sentences on documents that were not used: where there are too few
    classes, they may be the reason."""
    sums = {name: sum(splits.values()) for name, splits in counts.items()}
    fault = _class_fault(sums, limits, unused)
    faults = [fault] if fault else list(filter(None, (_size_fault(sums, limits), _split_fault(counts))))
    if not faults:
        return None
    return DatasetTooSmall("; ".join(faults), sums, shorten([f"{skip.file} ({skip.reason})" for skip in skipped]))


def _class_fault(counts: dict[str, int], limits: IntakeLimits, unused: Sequence[str]) -> str | None:
    if len(counts) >= limits.classes:
        return None
    found = f"found only {', '.join(counts)}" if counts else "found none"
    mend = "Sort the images into a folder a class, or add a table of labels (columns file and label)"
    return " ".join(
        [f"at least {limits.classes} class folders with images are needed, {found}.", *shorten(list(unused)), mend]
    )


def _size_fault(counts: dict[str, int], limits: IntakeLimits) -> str | None:
    small = [f"{name} has {count}" for name, count in counts.items() if count < limits.images_per_class]
    if small:
        return f"every class needs at least {limits.images_per_class} usable images: {', '.join(shorten(small))}"
    return None


def _split_fault(counts: Counts) -> str | None:
    untrained = [name for name, splits in counts.items() if any(splits.values()) and not splits["train"]]
    mend = "put some there, or call the class in all splits as it is called in train"
    return f"no training images in {', '.join(shorten(untrained))}: {mend}" if untrained else None
