"""What a tailoring would train on, beside what the pixels say."""

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from benchmarks.exports.samples import Truth, read_truth
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.freeze import IntakeReport, freeze


class Frozen(NamedTuple):
    """The class and the split that an image of the frozen data set got, and those in its pixels."""

    got: tuple[str, str]
    true: Truth


@dataclass(frozen=True, kw_only=True)
class Outcome:
    report: IntakeReport
    images: tuple[Frozen, ...]

    @property
    def weights(self) -> list[str]:
        return [finding.weight for finding in self.report.findings]

    @property
    def reasons(self) -> dict[str, str]:
        return {skip.file: skip.reason for skip in self.report.skipped}


def freeze_upload(folder: Path, upload: bytes, classes: Sequence[str]) -> Outcome:
    """What the upload is frozen to, in the folder; ``classes`` are those of its samples. Raises what `freeze` does."""
    (folder / "upload").write_bytes(upload)
    report = freeze(folder / "upload", folder / "dataset.zip", IntakeLimits())
    with zipfile.ZipFile(folder / "dataset.zip") as archive:
        names = json.loads(archive.read("dataset.json"))["classes"]
        paths = [path for path in archive.namelist() if path != "dataset.json"]
        images = tuple(_frozen(path, names, archive.read(path), classes) for path in paths)
    return Outcome(report=report, images=images)


def _frozen(path: str, names: Sequence[str], data: bytes, classes: Sequence[str]) -> Frozen:
    split, index, _ = path.split("/")
    return Frozen((names[int(index)], split), read_truth(data, classes))
