"""What an alias named before."""

from collections.abc import Collection, Iterable

from registry.records import AliasMoved, Record, TaskDeleted


def earlier_version(history: Iterable[Record], alias: str, existing: Collection[int]) -> int | None:
    """The version to roll an alias back to, None if there is none left.

    Promotes pile up, a rollback takes from the top: after 1, 2, 3 the first rollback gives 2, the second 1.
    """
    pile: list[int | None] = []
    for record in history:
        if isinstance(record, TaskDeleted):
            pile.clear()
        elif isinstance(record, AliasMoved) and record.alias == alias:
            if record.rollback:
                while pile and pile[-1] != record.after:
                    pile.pop()
            else:
                pile.append(record.after)
    current = pile.pop() if pile else None
    return next((v for v in reversed(pile) if v is not None and v != current and v in existing), None)
