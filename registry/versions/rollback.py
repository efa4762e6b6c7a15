"""What an alias named before."""

from collections.abc import Collection, Iterable, Iterator

from registry.journal.records import AliasMoved, Record, TaskDeleted


def earlier_version(newest_first: Iterable[Record], alias: str, existing: Collection[int]) -> int | None:
    """The version to roll an alias back to, None if there is none left. Reads no more of the history than it takes.

    Promotes pile up, a rollback takes from the top: after 1, 2, 3 the first rollback gives 2, the second 1.
    """
    pile = _pile(newest_first, alias)
    current = next(pile, None)
    return next((v for v in pile if v is not None and v != current and v in existing), None)


def _pile(newest_first: Iterable[Record], alias: str) -> Iterator[int | None]:
    """What promotes put on the pile and rollbacks left there, from the top; None where the alias was removed."""
    bottoms: list[int | None] = []  # of rollbacks seen, the oldest last: what lies above these was taken away
    for record in newest_first:
        if isinstance(record, TaskDeleted):
            return
        if isinstance(record, AliasMoved) and record.alias == alias:
            if record.rollback:
                bottoms.append(record.after)
                continue
            while bottoms and bottoms[-1] == record.after:
                bottoms.pop()
            if not bottoms:
                yield record.after
