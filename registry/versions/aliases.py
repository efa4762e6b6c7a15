"""Aliases: what must hold before one is moved, and the record that moves it."""

import enum
import re
from typing import Final, Literal

from registry.errors import AliasConflict, AliasUnknown, NameInvalid
from registry.journal.index import TaskState
from registry.journal.records import AliasMoved
from registry.policy.policy_check import Evidence

_NUMBER = re.compile("[1-9][0-9]{0,17}")
_NAME_CHARACTERS = 32
_NAME = re.compile(rf"[a-z0-9][a-z0-9._-]{{0,{_NAME_CHARACTERS - 1}}}")


class _Any(enum.Enum):
    ANY = "any"


ANY: Final = _Any.ANY  # the caller does not care what the alias names now
AnyVersion = Literal[_Any.ANY]


def is_number(alias: str) -> bool:
    """Whether `task@alias` names a version by its number."""
    return bool(_NUMBER.fullmatch(alias))


def check_name(alias: str) -> None:
    """An alias that is a number would be taken for that version. Raises `NameInvalid`."""
    if not _NAME.fullmatch(alias) or is_number(alias):
        raise NameInvalid("an alias", alias, _NAME_CHARACTERS, "; no number, which would be taken for that version")


def check_alias(alias: str, state: TaskState) -> int:
    """The version the alias names. Raises `TaskUnknown`, `AliasUnknown`."""
    state.check_exists()
    if alias not in state.aliases:
        raise AliasUnknown(state.task, alias)
    return state.aliases[alias]


def check_expected(alias: str, expected: AnyVersion | int | None, state: TaskState) -> None:
    """Whether the alias names the expected version now (None: there is no such alias). Raises `AliasConflict`."""
    before = state.aliases.get(alias)
    if expected is not ANY and expected != before:
        raise AliasConflict(state.task, alias, expected, before)


def alias_moved(
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
    """The record that makes the alias name `after`, or removes it where that is None.

    It gets no new number if the alias names that version already. Evidence that does not pass means that it is forced.
    """
    before = state.aliases.get(alias)
    return AliasMoved(
        task=state.task,
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
