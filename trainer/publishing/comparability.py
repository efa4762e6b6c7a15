"""The live version of a task, and whether another version can be compared with it."""

from registry.errors import AliasUnknown, TaskUnknown
from registry.journal.records import VersionRecord
from registry.registry import LIVE, Registry


def live_version(registry: Registry, task: str) -> VersionRecord | None:
    try:
        return registry.resolve(task, alias=LIVE)
    except (AliasUnknown, TaskUnknown):
        return None


def incomparable(live: VersionRecord | None, record: VersionRecord) -> str | None:
    """Why the two cannot be compared, or None if they can: where the live version is of another backbone, a person has
    to decide whether it is replaced."""
    if live is None or live.manifest.backbone.fingerprint == record.manifest.backbone.fingerprint:
        return None
    return f"version {live.version} is live on another backbone: not comparable"
