"""Versions of a task."""

from typing import Any

from pydantic import Field

from nettailor_client.answers.document import Document


class Accuracy(Document):
    """Top-1, of the images that training did not see; None where it was not measured."""

    validation: float | None = None
    test: float | None = None


class Metrics(Document):
    teacher: Accuracy
    student: Accuracy


class Complexity(Document):
    """Multiply-adds and parameters: of the stem, of the blocks that were kept and removed, of what the task adds."""

    stem_macs: int
    stem_params: int
    shared_macs_kept: int
    shared_macs_removed: int
    shared_params_kept: int
    shared_params_removed: int
    task_macs: int
    task_params: int


class Backbone(Document):
    id: str
    fingerprint: str


class VersionSummary(Document):
    """Accuracies are of so many `test_images`, where that is known; without a `job` they are what the uploaded bundle
    claims. `attachments` are names of files kept beside the bundle, with their digests."""

    task: str
    version: int
    digest: str
    size_bytes: int
    published_at: str
    actor: str
    job: str | None
    note: str = ""
    tags: dict[str, str] = Field(default_factory=dict)
    attachments: dict[str, str] = Field(default_factory=dict)
    backbone: Backbone
    method: str = "nettailor"
    dataset: str
    classes: int
    metrics: Metrics
    test_images: int | None = None
    complexity: Complexity


class Version(VersionSummary):
    """With the bundle's whole manifest."""

    manifest: dict[str, Any]


class Period(Document):
    """`until` is None while it lasts."""

    since: str
    until: str | None


class Lineage(Document):
    """Where a version comes from, which aliases name it, when it was live."""

    task: str
    version: int
    digest: str
    size_bytes: int
    published_at: str
    actor: str
    job: str | None
    method: str = "nettailor"
    dataset: str
    metrics: Metrics | None = None
    test_images: int | None = None
    recipe: dict[str, Any]
    seed: int
    libraries: dict[str, str]
    backbone: Backbone
    tags: dict[str, str] = Field(default_factory=dict)
    note: str = ""
    attachments: dict[str, str] = Field(default_factory=dict)
    aliases: list[str]
    live: list[Period]


class PointVersion(Document):
    """A network of a front that was published. `alias` is None if none was asked for, or if it was not moved, which
    `refused` gives the reason for."""

    task: str
    version: int
    digest: str
    job: str | None
    alias: str | None
    refused: str | None


class Exported(Document):
    """What was written. `top1_agreement`: for what share of 64 images the file's first class is the engine's."""

    version: int
    top1_agreement: float
