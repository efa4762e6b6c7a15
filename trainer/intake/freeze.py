"""From an upload to a frozen dataset: every image is looked at once, sorted into classes and splits."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import DatasetTooSmall
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.dataset_file import FrozenImage, write_dataset
from trainer.intake.folder_layout import SPLITS, Split
from trainer.intake.labels import ClassImages, label, split
from trainer.intake.scan import Scan, Skipped, scan_archive
from trainer.intake.statistics import DatasetStatistics, survey

_EXAMPLES = 5  # files named in the message of a failed job


@dataclass(frozen=True, kw_only=True)
class IntakeReport:
    """What became of an upload. ``counts`` maps class -> split -> images; the digest is "sha256:<hex>"."""

    digest: str
    classes: tuple[str, ...]
    counts: dict[str, dict[Split, int]]
    skipped: tuple[Skipped, ...]
    survey: DatasetStatistics

    @property
    def images(self) -> int:
        return sum(sum(splits.values()) for splits in self.counts.values())


def freeze(
    archive: Path,
    target: Path,
    limits: IntakeLimits,
    *,
    progress: Callable[[int], None] = lambda _files: None,
) -> IntakeReport:
    """Write the frozen dataset of an uploaded archive to ``target``; ``progress`` hears the number of files seen.

    Equal uploads give equal bytes, whatever the order of their files. Raises DatasetTooSmall (naming what was skipped)
    and, for an archive that ``archive.inspect`` would refuse, ArchiveInvalid.
    """
    spool_path = target.with_name(f"{target.name}.spool")
    try:
        with spool_path.open("w+b") as spool:
            scan = scan_archive(archive, spool, limits, progress)
            labels = label(scan, limits)
            splits = split(labels)
            _check_size(labels, splits, scan, limits)
            images = _frozen_images(labels, splits, scan)
            digest = write_dataset(target, list(labels), images, spool)
    finally:
        spool_path.unlink(missing_ok=True)
    return IntakeReport(
        digest=digest,
        classes=tuple(labels),
        counts=_counts(labels, splits),
        skipped=tuple(_sorted(scan.skipped)),
        survey=survey(scan, splits),
    )


def _frozen_images(labels: dict[str, ClassImages], splits: dict[str, Split], scan: Scan) -> list[FrozenImage]:
    return [
        FrozenImage(
            split=splits[digest],
            label=index,
            digest=digest,
            suffix=scan.spooled[digest].suffix,
            offset=scan.spooled[digest].offset,
            size_bytes=scan.spooled[digest].size_bytes,
        )
        for index, images in enumerate(labels.values())
        for digest in images
    ]


def _counts(labels: dict[str, ClassImages], splits: dict[str, Split]) -> dict[str, dict[Split, int]]:
    tallies = {name: Counter(splits[digest] for digest in images) for name, images in labels.items()}
    return {name: {part: tally[part] for part in SPLITS} for name, tally in tallies.items()}


def _check_size(labels: dict[str, ClassImages], splits: dict[str, Split], scan: Scan, limits: IntakeLimits) -> None:
    """Raises DatasetTooSmall."""
    counts = {name: len(images) for name, images in labels.items()}
    fault = _size_fault(counts, limits) or _split_fault(_counts(labels, splits))
    if fault is not None:
        named = [f"{skip.file} ({skip.reason})" for skip in _sorted(scan.skipped)]
        raise DatasetTooSmall(fault, counts, _shorten(named))


def _size_fault(counts: dict[str, int], limits: IntakeLimits) -> str | None:
    if len(counts) < limits.classes:
        found = f"found only {', '.join(counts)}" if counts else "found none"
        return f"at least {limits.classes} class folders with images are needed, {found}"
    small = [f"{name} has {count}" for name, count in counts.items() if count < limits.images_per_class]
    if small:
        return f"every class needs at least {limits.images_per_class} usable images: {', '.join(_shorten(small))}"
    return None


def _split_fault(counts: dict[str, dict[Split, int]]) -> str | None:
    untrained = [name for name, splits in counts.items() if not splits["train"]]
    return f"no training images in {', '.join(_shorten(untrained))}" if untrained else None


def _shorten(texts: list[str]) -> list[str]:
    return texts if len(texts) <= _EXAMPLES else [*texts[:_EXAMPLES], f"and {len(texts) - _EXAMPLES} more"]


def _sorted(skipped: list[Skipped]) -> list[Skipped]:
    return sorted(skipped, key=lambda skip: (skip.file, skip.reason))
