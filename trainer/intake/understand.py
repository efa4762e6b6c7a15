"""From an upload to what is understood of it: classes, splits, what is left out, and what is odd."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from trainer.errors import DatasetInvalid, DatasetNotUnderstood, DatasetTooSmall
from trainer.intake.archives.formats import misnamed
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.archives.paths import Parts
from trainer.intake.findings import Finding
from trainer.intake.labels import ClassImages, Labels, label, split
from trainer.intake.layouts.layout import Layout, Reading
from trainer.intake.layouts.registry import choose, silent_annotations, unused_annotations
from trainer.intake.layouts.tables.table_layout import unused_lists, unused_reasons, unused_tables
from trainer.intake.oddities import oddities
from trainer.intake.placement import Split
from trainer.intake.requirements import Counts, count, too_small
from trainer.intake.scanning.read_archive import read_archive
from trainer.intake.scanning.scan import Scan, Skipped
from trainer.intake.splits.grouping import Grouping, group_by_looks, group_by_pattern, grouping_findings
from trainer.intake.splits.lacking import lacking_findings, vanished_findings
from trainer.intake.unread_data import unread_data, workbooks
from trainer.intake.upload import Upload


@dataclass(frozen=True, kw_only=True)
class Understanding:
    """``labels`` maps class -> digest -> the split of the upload, ``paths`` digest -> path, ``splits`` digest -> split,
    ``groups`` digest -> name of the group that it stays together with; ``fault`` is what keeps the data set from being
    trained on. ``layout`` is None where none was recognised."""

    layout: str | None
    why: str
    scan: Scan
    labels: dict[str, ClassImages]
    paths: dict[str, Parts]
    splits: dict[str, Split]
    groups: Mapping[str, str]
    counts: Counts
    skipped: tuple[Skipped, ...]
    findings: tuple[Finding, ...]
    fault: DatasetInvalid | None


def understand(
    archive: Path,
    spool: BinaryIO,
    limits: IntakeLimits,
    *,
    group_by: str | None = None,
    keep_images: bool = True,
    progress: Callable[[int], None] = lambda _files: None,
) -> Understanding:
    """Read the whole archive once; the images' bytes are kept in ``spool``, unless only a look is taken.

    ``group_by`` is a regular expression (`trainer.pattern`) that names the groups of images which must
    stay on one side of a split, by their paths. Raises ArchiveInvalid, and OptionsInvalid for a pattern of no use.
    """
    scan = read_archive(archive, spool, limits, progress, keep_images=keep_images)
    upload = scan.upload(limits)
    chosen = choose(upload)
    reading = Reading(placements={}) if chosen is None else chosen[0].read(upload)
    silent = _silent(upload, reading)
    _note_left_out(scan, upload, reading, silent)
    labels = label(scan, reading)
    grouping = _grouping(labels, reading, scan, group_by)
    cut = split(labels.classes, grouping)
    counts = count(labels.classes, cut.splits)
    unused = [*_unused(upload, reading, chosen and chosen[0]), *workbooks(scan)]
    findings = [
        *scan.findings,
        *reading.findings,
        *unused,
        *oddities(scan, reading, labels.classes),
        *unread_data(scan),
        *grouping_findings(grouping, labels.paths, labels.given, cut.splits, cut.torn),
        *lacking_findings(counts, labels.given.values()),
        *vanished_findings((place.split for place in reading.placements.values()), labels.given.values()),
    ]
    skipped = sorted(scan.skipped, key=lambda skip: (skip.file, skip.reason))
    fault: DatasetInvalid | None = _not_understood(findings)
    if fault is None:
        told = [*(finding.text for finding in unused), *(f"{document} is {why}." for document, why in silent.items())]
        fault = too_small(counts, skipped, limits, unused=told)
    if isinstance(fault, DatasetTooSmall):
        findings.append(Finding(weight="error", text=str(fault)))
    return Understanding(
        layout=None if chosen is None else chosen[0].name,
        why="" if chosen is None else chosen[1].why,
        scan=scan,
        labels=labels.classes,
        paths=labels.paths,
        splits=cut.splits,
        groups=grouping.kept_together,
        counts=counts,
        skipped=tuple(skipped),
        findings=tuple(findings),
        fault=fault,
    )


def _unused(upload: Upload, reading: Reading, layout: Layout | None) -> list[Finding]:
    """The findings on documents that were meant for these images, and that nothing was made of."""
    tables = [*unused_tables(upload, reading.documents), *unused_lists(upload, reading.documents)]
    return [*tables, *unused_annotations(upload, layout, {path for each in tables for path in each.files})]


def _silent(upload: Upload, reading: Reading) -> dict[str, str]:
    """By the path of a document that was not read: why it says no class of any image, although its tool is known."""
    found = silent_annotations(upload)
    return {"/".join(parts): why for parts, why in sorted(found.items()) if parts not in reading.documents}


def _grouping(labels: Labels, reading: Reading, scan: Scan, group_by: str | None) -> Grouping:
    """By the pattern if there is one, else by what the upload tells, else by what the pictures look like."""
    if group_by is not None and labels.paths:
        return group_by_pattern(group_by, labels.paths)
    told = {image: reading.groups[parts] for image, parts in labels.paths.items() if parts in reading.groups}
    if told:
        return Grouping(groups=told, is_told=True)
    thumbnails = {image: scan.spooled[image].thumbnail for image in labels.paths}
    return group_by_looks(labels.classes, thumbnails, labels.paths)


def _note_left_out(scan: Scan, upload: Upload, reading: Reading, silent: Mapping[str, str]) -> None:
    """Every usable image without a place and every document that was not read is reported with a reason."""
    broken = set(scan.promised) - {parts for parts, _ in scan.images}  # the scan has noted why
    reasons = {parts for parts, _ in reading.left_out}
    for parts, reason in reading.left_out:
        if parts not in broken:
            scan.skip(parts, reason)
    for parts, _ in scan.images:
        if parts not in reasons and parts not in reading.placements:
            scan.skip(parts, "the layout says nothing of it")
    unused = unused_reasons(upload)
    reasons |= reading.documents
    for document in upload.documents:
        if document.parts not in reasons:
            why = unused.get(document.parts) or silent.get(document.path) or misnamed(document.head())
            scan.skip(document.parts, why or "not an image")


def _not_understood(findings: Sequence[Finding]) -> DatasetInvalid | None:
    errors = [finding.text for finding in findings if finding.weight == "error"]
    return DatasetNotUnderstood(errors) if errors else None
