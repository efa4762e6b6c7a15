"""From an upload to a frozen dataset: every image is looked at once, sorted into classes and splits."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.dataset_file import FrozenImage, write_dataset
from trainer.intake.findings import Finding
from trainer.intake.inspection import Inspection, inspection_of
from trainer.intake.placement import Split
from trainer.intake.scanning.scan import Skipped
from trainer.intake.statistics import DatasetStatistics, dataset_statistics
from trainer.intake.understand import Understanding, understand


@dataclass(frozen=True, kw_only=True)
class IntakeReport:
    """What became of an upload; the digest is that of the dataset file, "sha256:<hex>"."""

    digest: str
    inspection: Inspection
    statistics: DatasetStatistics

    @property
    def layout(self) -> str | None:
        return self.inspection.layout

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.inspection.classes)

    @property
    def counts(self) -> Mapping[str, Mapping[Split, int]]:
        """Images by class and split."""
        return self.inspection.classes

    @property
    def images(self) -> int:
        return self.inspection.images

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        return self.inspection.left_out

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.inspection.findings


def freeze(
    archive: Path,
    target: Path,
    limits: IntakeLimits,
    *,
    group_by: str | None = None,
    progress: Callable[[int], None] = lambda _files: None,
    inspected: Callable[[Inspection], None] = lambda _inspection: None,
) -> IntakeReport:
    """Write the frozen dataset of an uploaded archive to ``target``; ``progress`` hears the number of files seen,
    ``inspected`` what was understood, before it is frozen or refused.

    Equal uploads give equal bytes, whatever the order of their files. Raises DatasetNotUnderstood, DatasetTooSmall
    (naming what was skipped) and, for an archive that ``archive.inspect`` would refuse, ArchiveInvalid. `understand`
    says what ``group_by`` is.
    """
    spool_path = target.with_name(f"{target.name}.spool")
    try:
        with spool_path.open("w+b") as spool:
            found = understand(archive, spool, limits, group_by=group_by, progress=progress)
            inspection = inspection_of(found)
            inspected(inspection)
            if found.fault is not None:
                raise found.fault
            images = _frozen_images(found)
            digest = write_dataset(target, list(found.labels), images, spool, groups=_groups(found))
    finally:
        spool_path.unlink(missing_ok=True)
    return IntakeReport(digest=digest, inspection=inspection, statistics=dataset_statistics(found.scan, found.splits))


def _frozen_images(found: Understanding) -> list[FrozenImage]:
    spooled = found.scan.spooled
    return [
        FrozenImage(
            split=found.splits[digest],
            label=index,
            digest=digest,
            suffix=spooled[digest].suffix,
            offset=spooled[digest].offset,
            size_bytes=spooled[digest].size_bytes,
        )
        for index, images in enumerate(found.labels.values())
        for digest in images
    ]


def _groups(found: Understanding) -> list[list[str]]:
    """Of several images each."""
    members: dict[str, list[str]] = defaultdict(list)
    for digest in found.splits:
        if digest in found.groups:
            members[found.groups[digest]].append(digest)
    return [images for images in members.values() if len(images) > 1]
