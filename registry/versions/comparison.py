"""Versions of a task side by side, on the same test split."""

from collections.abc import Sequence
from dataclasses import dataclass

from nettailor.accuracy import Interval
from registry.errors import AnswersMissing, ComparisonInvalid, DatasetsDiffer
from registry.journal.records import VersionRecord
from registry.storage.blobs import Blobs
from registry.versions.evaluation import Evaluation, evaluation_of
from registry.versions.paired_bootstrap import PairedDifference, accuracy_interval, paired_difference

MOST_VERSIONS = 10  # in one comparison


@dataclass(frozen=True, kw_only=True)
class ComparedVersion:
    """`difference` is to the first version of the comparison; None for that one."""

    record: VersionRecord
    accuracy: float  # share of the test images
    interval: Interval
    difference: PairedDifference | None
    milliseconds: float
    measured_on: str


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """`versions` are in the order in which they were asked for."""

    task: str
    dataset: str  # digest
    images: int  # in its test split
    versions: tuple[ComparedVersion, ...]


def check_comparable(task: str, versions: Sequence[int]) -> None:
    """Raises `ComparisonInvalid`."""
    if len(versions) != len(set(versions)):
        raise ComparisonInvalid(task, "a version is named more than once")
    if not 2 <= len(versions) <= MOST_VERSIONS:
        raise ComparisonInvalid(task, f"{len(versions)} named, where 2 to {MOST_VERSIONS} can be compared")


def compare(records: Sequence[VersionRecord], blobs: Blobs) -> Comparison:
    """Compare versions of one task. Raises `DatasetsDiffer`, `AnswersMissing`, `BlobMissing`, `BlobCorrupt`."""
    first = records[0]
    for record in records:
        _check_same_dataset(first, record)
    evaluations = [evaluation_of(record, blobs) for record in records]
    images = len(evaluations[0].right)
    for record, evaluation in zip(records, evaluations, strict=True):
        if (count := len(evaluation.right)) != images:
            reason = f"there are {count} answers, and {images} of version {first.version}"
            raise AnswersMissing(record.task, record.version, reason)
    compared = [_compared(*pair, evaluations[0]) for pair in zip(records, evaluations, strict=True)]
    return Comparison(task=first.task, dataset=first.manifest.dataset, images=images, versions=tuple(compared))


def _check_same_dataset(first: VersionRecord, record: VersionRecord) -> None:
    mine, its = first.manifest.dataset, record.manifest.dataset
    if mine != its:
        raise DatasetsDiffer(first.task, record.version, its, first=first.version, first_dataset=mine)


def _compared(record: VersionRecord, evaluation: Evaluation, first: Evaluation) -> ComparedVersion:
    return ComparedVersion(
        record=record,
        accuracy=float(evaluation.right.mean()),
        interval=accuracy_interval(evaluation.right),
        difference=None if evaluation is first else paired_difference(first.right, evaluation.right),
        milliseconds=evaluation.milliseconds,
        measured_on=evaluation.measured_on,
    )
