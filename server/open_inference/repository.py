"""The registry as the protocol's model repository: what there is, and what of it is ready on the device."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from registry.journal.index import TaskState
from server.errors import RequestMalformed
from server.residency.tiers import BundleId, Resident, Tier

READY, UNAVAILABLE = "READY", "UNAVAILABLE"

_UNLOAD_DEPENDENTS = "unload_dependents"  # which clients always send; a task has none


@dataclass(frozen=True, kw_only=True)
class IndexEntry:
    """A version of a task. One that is `UNAVAILABLE` answers all the same: the first request makes it ready."""

    name: str
    version: str
    state: str
    reason: str


def index_of(
    tasks: Iterable[TaskState], residents: Iterable[Resident], cached: Iterable[BundleId], *, ready_only: bool
) -> list[IndexEntry]:
    """Every version of every task, in order. `cached` are the bundles in the disk tier."""
    tiers = dict.fromkeys(map(_version, cached), Tier.DISK)
    tiers.update((_version(row.id), row.tier) for row in sorted(residents, key=_device_last))
    entries = [
        _entry(state.task, version, tiers.get((state.task, version)))
        for state in sorted(tasks, key=lambda state: state.task)
        for version in sorted(state.versions)
    ]
    return [entry for entry in entries if not ready_only or entry.state == READY]


def check_load(parameters: Mapping[str, object]) -> None:
    """Raises `RequestMalformed`: models come from the registry, as they are."""
    for name in parameters:
        raise RequestMalformed(
            f"parameters.{name[:100]}", "a model is loaded as it was published; publish another version to change it"
        )


def check_unload(parameters: Mapping[str, object]) -> None:
    """Raises `RequestMalformed`."""
    for name in parameters:
        if name != _UNLOAD_DEPENDENTS:
            raise RequestMalformed(f"parameters.{name[:100]}", f"no such parameter; known is {_UNLOAD_DEPENDENTS}")


def device_bytes(residents: Iterable[Resident]) -> dict[tuple[str, int], int]:
    """Measured bytes of each version on the device."""
    return {_version(row.id): row.size_bytes for row in residents if row.tier is Tier.DEVICE}


def _entry(task: str, version: int, tier: Tier | None) -> IndexEntry:
    ready = tier is Tier.DEVICE
    return IndexEntry(
        name=task,
        version=str(version),
        state=READY if ready else UNAVAILABLE,
        reason="" if ready else f"tier: {tier or Tier.REGISTRY}",
    )


def _version(id: BundleId) -> tuple[str, int]:
    return id.task, id.version


def _device_last(row: Resident) -> bool:
    return row.tier is Tier.DEVICE
