"""Moves of aliases: what must be there for one, and the record that makes it happen."""

import enum
from typing import Final, Literal

from registry.errors import AliasConflict, AliasUnknown, TaskUnknown, VersionUnknown
from registry.journal.index import TaskState
from registry.journal.records import AliasMoved
from registry.policy.policy_check import Evidence


class _Any(enum.Enum):
    ANY = "any"


ANY: Final = _Any.ANY  # a move that does not care what the alias names now
AnyVersion = Literal[_Any.ANY]


def check_version(task: str, version: int, state: TaskState) -> None:
    """Raises `TaskUnknown`, `VersionUnknown`."""
    if not state.exists:
        raise TaskUnknown(task)
    if version not in state.versions:
        raise VersionUnknown(task, version)


def check_alias(task: str, alias: str, state: TaskState) -> int:
    """The version the alias names. Raises `TaskUnknown`, `AliasUnknown`."""
    if not state.exists:
        raise TaskUnknown(task)
    if alias not in state.aliases:
        raise AliasUnknown(task, alias)
    return state.aliases[alias]


def check_expected(task: str, alias: str, expected: AnyVersion | int | None, before: int | None) -> None:
    """`before` is what the alias names now. Raises `AliasConflict`."""
    if expected is not ANY and expected != before:
        raise AliasConflict(task, alias, expected, before)


def moved(
    task: str,
    state: TaskState,
    alias: str,
    after: int | None,
    *,
    rollback: bool,
    actor: str,
    reason: str,
    at: str,
    evidence: Evidence | None = None,
) -> AliasMoved:
    """The alias names `after` now (None: it is gone); no news if it did already. Forced: the evidence does not pass."""
    before = state.aliases.get(alias)
    return AliasMoved(
        task=task,
        sequence=state.sequence + (before != after),
        at=at,
        actor=actor,
        alias=alias,
        before=before,
        after=after,
        rollback=rollback,
        reason=reason,
        evidence=evidence,
        forced=evidence is not None and not evidence.passed,
    )
