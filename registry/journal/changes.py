"""The stream of changes that servers follow."""

from dataclasses import dataclass
from typing import Any, Literal, cast

ChangeKind = Literal["published", "alias", "deleted", "policy", "backbones"]

_LENGTH = 100_000  # changes kept for followers that were away; about 10 MB


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a follower must read again. `version` is None if an alias or a task was deleted, a policy set, and after a
    rebuild.

    Of the kind `backbones`: the list of backbones; `task` is then none.
    """

    kind: ChangeKind
    task: str
    version: int | None
    alias: str | None


class ChangeStream:
    """One Redis stream. Redis's errors go through: the caller turns them into `IndexUnavailable`."""

    def __init__(self, client: Any, key: str) -> None:
        self._redis = client
        self._key = key

    def announce(self, pipe: Any, change: Change) -> None:
        """Queue a change in a transaction."""
        fields = {
            "kind": change.kind,
            "task": change.task,
            "version": "" if change.version is None else str(change.version),
            "alias": change.alias or "",
        }
        pipe.xadd(self._key, fields, maxlen=_LENGTH, approximate=True)

    def read(self, cursor: str, *, block_ms: int | None, limit: int) -> tuple[list[Change], str]:
        """Changes after a cursor (`0`: from the oldest kept, `$`: from now on) and the cursor to go on from."""
        if cursor == "$":  # pinned to an id, or what comes between two calls would be missed
            newest = self._redis.xrevrange(self._key, count=1)
            cursor = _text(newest[0][0]) if newest else "0-0"
        entries = _entries(self._redis.xread({self._key: cursor}, count=limit, block=block_ms))
        return [_change(fields) for _, fields in entries], entries[-1][0] if entries else cursor


def _entries(answer: Any) -> list[tuple[str, dict[str, str]]]:
    """The entries in an answer of XREAD: a list of pairs in protocol 2, a map in protocol 3, empty if none came."""
    if not answer:
        return []
    entries = next(iter(answer.values()))[0] if isinstance(answer, dict) else answer[0][1]
    return [(_text(entry), {_text(k): _text(v) for k, v in fields.items()}) for entry, fields in entries]


def _change(fields: dict[str, str]) -> Change:
    return Change(
        kind=cast(ChangeKind, fields["kind"]),
        task=fields["task"],
        version=int(fields["version"]) if fields["version"] else None,
        alias=fields["alias"] or None,
    )


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
