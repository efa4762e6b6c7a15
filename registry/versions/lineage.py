"""Where a version comes from and where it served, in one answer."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from registry.journal.records import AliasMoved, Record, TaskDeleted, VersionRecord
from registry.versions.annotation import Annotation


@dataclass(frozen=True, kw_only=True)
class Period:
    """`until` is null while it lasts."""

    since: str  # ISO 8601, UTC
    until: str | None


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """Everything that led to a bundle, and what became of it."""

    record: VersionRecord
    annotation: Annotation
    aliases: tuple[str, ...]  # that name the version now
    live: tuple[Period, ...]  # when the alias `live` named it, oldest first


def lineage_of(record: VersionRecord, annotation: Annotation, history: Iterable[Record], *, live: str) -> Lineage:
    """The lineage of a version. `history` is that of its task, `live` the alias whose periods are wanted."""
    periods = _periods(history, record.version)
    return Lineage(
        record=record,
        annotation=annotation,
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
