"""A look at an upload before anything is trained on it: what it is taken for, and what is wrong with it."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from nettailor.plain_text import mended
from trainer.events import Json
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.findings import WEIGHTS, Finding, counted, in_order
from trainer.intake.left_out import by_reason
from trainer.intake.placement import SPLITS, Split
from trainer.intake.scanning.scan import Skipped
from trainer.intake.understand import Understanding, understand

Progress = Callable[[int], None]  # hears how many files were read

_EXAMPLES = 3  # images that are named of each class
_SHOWN = 100  # files, reasons and findings in a job's document


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What a tailoring of the upload would work on. ``layout`` is None where none was recognised, ``why`` says what it
    was recognised by, ``examples`` names a few images of each class, ``error`` says why the upload cannot be trained
    on."""

    layout: str | None
    why: str
    classes: Mapping[str, Mapping[Split, int]]
    examples: Mapping[str, tuple[str, ...]]
    left_out: tuple[Skipped, ...]
    findings: tuple[Finding, ...]
    error: str | None

    @property
    def splits(self) -> dict[Split, int]:
        """Images in each, of all classes."""
        return {part: sum(counts[part] for counts in self.classes.values()) for part in SPLITS}

    @property
    def images(self) -> int:
        return sum(self.splits.values())

    def as_json(self) -> dict[str, Json]:
        """Names of files and classes in it are mended: they may be what nobody can write down."""
        document: dict[str, Json] = mended(self._document())
        return document

    def _document(self) -> dict[str, Json]:
        return {
            "layout": self.layout,
            "classes": {name: {part: counts[part] for part in SPLITS} for name, counts in self.classes.items()},
            "left_out": [{"file": skip.file, "reason": skip.reason} for skip in self.left_out],
            "findings": [finding.as_json() for finding in self.findings],
            "error": self.error,
        }

    def as_job_json(self) -> dict[str, Json]:
        """As `as_json` with some more, but with the first of long lists only: Redis keeps it with the job."""
        return {
            **self.as_json(),
            "why": self.why,
            "left_out": [{"file": skip.file, "reason": skip.reason} for skip in self.left_out[:_SHOWN]],
            "left_out_count": len(self.left_out),
            "left_out_reasons": [
                {"reason": group.reason, "count": group.count} for group in by_reason(self.left_out)[:_SHOWN]
            ],
            "findings": [finding.as_json() for finding in in_order(self.findings)[:_SHOWN]],
        }

    def in_one_line(self) -> str:
        weights = Counter(finding.weight for finding in self.findings)
        counts = [
            counted(len(self.classes), "class", "classes"),
            counted(self.images, "image"),
            f"{len(self.left_out)} left out",
            *(counted(weights[weight], weight) for weight in WEIGHTS if weights[weight]),
        ]
        return f"{self.layout or 'no layout that is known'}: {', '.join(counts)}"


def inspect(
    archive: Path,
    limits: IntakeLimits,
    *,
    group_by: str | None = None,
    scratch: Path | None = None,
    progress: Progress = lambda _files: None,
) -> Inspection:
    """Read the archive as `freeze` does, and keep nothing: what has to be on disk meanwhile is in the folder
    ``scratch``, by default the system's own. Raises UploadEmpty, ArchiveInvalid and OptionsInvalid."""
    with TemporaryFile(dir=scratch) as spool:
        found = understand(archive, spool, limits, group_by=group_by, keep_images=False, progress=progress)
        return inspection_of(found)


def inspection_of(understanding: Understanding) -> Inspection:
    return Inspection(
        layout=understanding.layout,
        why=understanding.why,
        classes=understanding.counts,
        examples={
            name: tuple("/".join(parts) for parts in sorted(understanding.paths[image] for image in images)[:_EXAMPLES])
            for name, images in understanding.labels.items()
        },
        left_out=understanding.skipped,
        findings=understanding.findings,
        error=None if understanding.fault is None else str(understanding.fault),
    )


def unreadable(reason: str) -> Inspection:
    """What is known of an upload that `inspect` refuses."""
    finding = Finding(weight="error", text=reason)
    return Inspection(layout=None, why="", classes={}, examples={}, left_out=(), findings=(finding,), error=reason)
