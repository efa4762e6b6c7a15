"""What is live of a task, and whether another version can be held against it."""

from registry.errors import AliasUnknown, TaskUnknown
from registry.journal.records import VersionRecord
from registry.registry import LIVE, Registry


def live_version(registry: Registry, task: str) -> VersionRecord | None:
    try:
        return registry.resolve(task, alias=LIVE)
    except (AliasUnknown, TaskUnknown):
        return None


def incomparable(live: VersionRecord | None, record: VersionRecord) -> str | None:
    """Why no figure decides between the two: what is live is of another installation, and it is for people to leave
    it. None if they can be compared."""
    if live is None or live.manifest.backbone.fingerprint == record.manifest.backbone.fingerprint:
        return None
    return f"version {live.version} is live on another backbone: not comparable"
