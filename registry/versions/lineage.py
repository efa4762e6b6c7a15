"""Where a version comes from and where it served, in one answer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from nettailor.bundle.manifest import BackboneReference
from registry.journal.records import AliasMoved, Published, Record, TaskDeleted
from registry.versions.annotation import Annotation


@dataclass(frozen=True, kw_only=True)
class Period:
    """A time in which an alias named the version; ISO 8601, UTC."""

    since: str
    until: str | None  # None: it does now


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """Everything that led to a bundle, and what became of it."""

    task: str
    version: int
    digest: str  # of the bundle
    size_bytes: int  # of the bundle
    published_at: str  # ISO 8601, UTC
    actor: str
    job: str | None  # that made it
    dataset: str  # digest
    recipe: Mapping[str, Any]
    seed: int
    libraries: Mapping[str, str]  # name -> version, at the time of training
    backbone: BackboneReference
    tags: Mapping[str, str]
    note: str
    attachments: Mapping[str, str]  # name -> digest
    aliases: tuple[str, ...]  # that name it now
    live: tuple[Period, ...]  # oldest first


def lineage_of(published: Published, annotation: Annotation, history: Iterable[Record], *, live: str) -> Lineage:
    """The lineage of a version; `history` is its task's, `live` the alias whose periods are told."""
    periods = _periods(history, published.version)
    manifest = published.manifest
    return Lineage(
        task=published.task,
        version=published.version,
        digest=published.digest,
        size_bytes=published.size_bytes,
        published_at=published.at,
        actor=published.actor,
        job=published.job,
        dataset=manifest.dataset,
        recipe=manifest.recipe,
        seed=manifest.seed,
        libraries=manifest.libraries,
        backbone=manifest.backbone,
        tags=annotation.tags,
        note=annotation.note,
        attachments=published.attachments,
        aliases=tuple(sorted(alias for alias, named in periods.items() if named[-1].until is None)),
        live=tuple(periods.get(live, ())),
    )


def _periods(history: Iterable[Record], version: int) -> dict[str, list[Period]]:
    """When each alias named the version, oldest first; aliases that never did are left out."""
    found: dict[str, list[Period]] = {}
    for record in history:
        if isinstance(record, TaskDeleted):
            for named in found.values():
                _close(named, record.at)
        elif isinstance(record, AliasMoved):
            if record.before == version:
                _close(found[record.alias], record.at)
            if record.after == version:
                found.setdefault(record.alias, []).append(Period(since=record.at, until=None))
    return found


def _close(periods: list[Period], at: str) -> None:
    if periods[-1].until is None:
        periods[-1] = replace(periods[-1], until=at)
