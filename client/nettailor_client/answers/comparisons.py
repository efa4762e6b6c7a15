"""Versions of a task side by side."""

from nettailor_client.answers.document import Document
from nettailor_client.answers.versions import Backbone


class Interval(Document):
    low: float
    high: float


class PairedDifference(Document):
    """By how much a version is more accurate than the first, and on how many images only one of the two is right:
    `gained` by this one, `lost` by it."""

    accuracy: float
    interval: Interval
    gained: int
    lost: int


class ComparedVersion(Document):
    """`difference` is None for the first one. `params` and `macs` are of the task's whole network; `milliseconds` are
    those of one image alone on the device `measured_on`, when the version was made."""

    version: int
    digest: str
    backbone: Backbone
    accuracy: float
    interval: Interval
    difference: PairedDifference | None
    params: int
    macs: int
    size_bytes: int
    milliseconds: float
    measured_on: str


class Comparison(Document):
    """On the `images` of the test split of one dataset, in the order in which they were asked for."""

    task: str
    dataset: str
    images: int
    confidence: float
    resamples: int
    versions: list[ComparedVersion]
