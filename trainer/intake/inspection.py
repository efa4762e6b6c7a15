"""A look at an upload before anything is trained on it: what it is taken for, and what is wrong with it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from trainer.events import Json
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.findings import Finding
from trainer.intake.placement import SPLITS, Split
from trainer.intake.scanning.scan import Skipped
from trainer.intake.understand import Understanding, understand


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What a tailoring of the upload would work on. ``layout`` is None where none was recognised, ``why`` says what it
    was recognised by, ``error`` why the upload cannot be trained on."""

    layout: str | None
    why: str
    classes: Mapping[str, Mapping[Split, int]]
    left_out: tuple[Skipped, ...]
    findings: tuple[Finding, ...]
    error: str | None

    def as_json(self) -> dict[str, Json]:
        return {
            "layout": self.layout,
            "classes": {name: {part: counts[part] for part in SPLITS} for name, counts in self.classes.items()},
            "left_out": [{"file": skip.file, "reason": skip.reason} for skip in self.left_out],
            "findings": [finding.as_json() for finding in self.findings],
            "error": self.error,
        }


def inspect(
    archive: Path,
    limits: IntakeLimits,
    *,
    group_by: str | None = None,
    progress: Callable[[int], None] = lambda _files: None,
) -> Inspection:
    """Read the archive as `freeze` does, and keep nothing. Raises UploadEmpty, ArchiveInvalid and OptionsInvalid."""
    with TemporaryFile() as spool:
        return inspection_of(understand(archive, spool, limits, group_by=group_by, progress=progress))


def inspection_of(understanding: Understanding) -> Inspection:
    return Inspection(
        layout=understanding.layout,
        why=understanding.why,
        classes=understanding.counts,
        left_out=understanding.skipped,
        findings=understanding.findings,
        error=None if understanding.fault is None else str(understanding.fault),
    )
