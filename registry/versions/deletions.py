"""The records that forget a task, or one of its versions."""

from registry.errors import VersionInUse
from registry.journal.index import TaskState
from registry.journal.records import TaskDeleted, VersionDeleted, VersionRecord


def version_deleted(
    state: TaskState, version: int, published: VersionRecord | None, *, actor: str, reason: str, at: str
) -> VersionDeleted:
    """The record that forgets a version, whose own is `published`. Raises `VersionInUse`."""
    if aliases := sorted(alias for alias, named in state.aliases.items() if named == version):
        raise VersionInUse(state.task, version, aliases)
    return VersionDeleted(
        task=state.task,
        sequence=state.sequence + 1,
        at=at,
        actor=actor,
        version=version,
        digest="" if published is None else published.digest,  # gone meanwhile: another writer takes this number
        reason=reason,
    )


def task_deleted(state: TaskState, *, actor: str, reason: str, at: str) -> TaskDeleted:
    """The record that forgets a task's versions and aliases."""
    return TaskDeleted(task=state.task, sequence=state.sequence + 1, at=at, actor=actor, reason=reason)
