"""The page on an upload that was looked at before anything was trained on it."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.findings import in_order
from trainer.intake.inspection import Inspection, Progress, inspection_of
from trainer.intake.left_out import by_reason
from trainer.intake.understand import Understanding, understand
from trainer.reports.contact_sheet import sheet_of
from trainer.reports.render import data_uri, render

_SHOWN = 1000  # rows of a table
_FILES = 5  # that are named of each reason


def inspect_with_page(
    archive: Path, limits: IntakeLimits, *, group_by: str | None = None, progress: Progress
) -> tuple[Inspection, str]:
    """What `trainer.intake.inspection.inspect` finds, and a page on it with a few pictures of each class. Takes room on
    the disk for all images meanwhile. Raises what `inspect` does."""
    with TemporaryFile() as spool:
        found = understand(archive, spool, limits, group_by=group_by, progress=progress)
        inspection = inspection_of(found)
        return inspection, inspection_page(inspection, sheet_of(_images(found, spool)))


def inspection_page(inspection: Inspection, sheet: bytes) -> str:
    return render(
        "inspection",
        found=inspection,
        sheet=data_uri("image/jpeg", sheet) if inspection.classes else None,
        classes=[(name, *counts.values()) for name, counts in list(inspection.classes.items())[:_SHOWN]],
        findings=in_order(inspection.findings)[:_SHOWN],
        reasons=[
            (group.count, group.reason, ", ".join(group.files[:_FILES]))
            for group in by_reason(inspection.left_out)[:_SHOWN]
        ],
    )


def _images(found: Understanding, spool: BinaryIO) -> dict[str, Iterator[bytes]]:
    """The files of each class, in the order of their paths."""
    return {
        name: (_read(found, image, spool) for image in sorted(images, key=found.paths.__getitem__))
        for name, images in found.labels.items()
    }


def _read(found: Understanding, image: str, spool: BinaryIO) -> bytes:
    spooled = found.scan.spooled[image]
    spool.seek(spooled.offset)
    return spool.read(spooled.size_bytes)
