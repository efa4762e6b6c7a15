"""Versions of a task side by side, over HTTP."""

from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from hosting.access.endpoint import endpoint
from hosting.web.openapi import problems
from nettailor.accuracy import CONFIDENCE, Interval
from nettailor.bundle.manifest import BackboneReference
from registry.http import route_declarations as declared
from registry.registry import Registry
from registry.versions import comparison
from registry.versions.paired_bootstrap import RESAMPLES, PairedDifference

_NUMBER = "[1-9][0-9]{0,17}"
_Numbers = Annotated[
    str,
    Query(
        pattern=f"^{_NUMBER}(,{_NUMBER})*$",
        max_length=200,
        description="their numbers, separated by commas; the others are compared with the first",
    ),
]


class ComparedVersion(BaseModel):
    """`params` and `macs` are of the task's whole network, for one image; `size_bytes` of its bundle."""

    version: int
    digest: str
    backbone: BackboneReference
    accuracy: float = Field(description="share of the test images")
    interval: Interval = Field(description="of the accuracy: Wilson's")
    difference: PairedDifference | None = Field(description="to the first version, null for itself: paired bootstrap")
    params: int
    macs: int
    size_bytes: int
    milliseconds: float = Field(description="of one image alone, measured when it was made: median of a few")
    measured_on: str = Field(description="the device of that")

    @classmethod
    def of(cls, found: comparison.ComparedVersion) -> Self:
        record, complexity = found.record, found.record.manifest.complexity
        return cls(
            version=record.version,
            digest=record.digest,
            backbone=record.manifest.backbone,
            accuracy=found.accuracy,
            interval=found.interval,
            difference=found.difference,
            params=complexity.params,
            macs=complexity.macs,
            size_bytes=record.size_bytes,
            milliseconds=found.milliseconds,
            measured_on=found.measured_on,
        )


class Comparison(BaseModel):
    """On the `images` of the test split of one dataset. Intervals hold with the given `confidence`."""

    task: str
    dataset: str
    images: int
    confidence: float = CONFIDENCE
    resamples: int = RESAMPLES
    versions: list[ComparedVersion]

    @classmethod
    def of(cls, found: comparison.Comparison) -> Self:
        versions = [ComparedVersion.of(version) for version in found.versions]
        return cls(task=found.task, dataset=found.dataset, images=found.images, versions=versions)


def add_comparison(routes: APIRouter, registry: Registry) -> None:
    @endpoint(routes, declared.COMPARE_VERSIONS, responses=problems([409]))
    def compare_versions(task: str, versions: _Numbers) -> Comparison:
        """Versions that were tailored to the same data set, by what each answered to its test images."""
        return Comparison.of(registry.compare(task, [int(number) for number in versions.split(",")]))
