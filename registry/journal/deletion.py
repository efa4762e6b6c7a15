"""Whether a task was deleted after something was begun: what is older than a deletion must not bring the task back."""

from collections.abc import Iterable
from datetime import datetime
from itertools import takewhile
from typing import TypeAlias

from registry.journal.records import Record, TaskDeleted

# When it was begun: the number of the last record that the task had then, or the time where no number was kept.
Since: TypeAlias = int | datetime


def deletion_after(newest_first: Iterable[Record], since: Since) -> TaskDeleted | None:
    """The last deletion of the task among the records after `since`; the records are read no further than that."""
    later = takewhile(lambda record: _is_later(record, since), newest_first)
    return next((record for record in later if isinstance(record, TaskDeleted)), None)


def _is_later(record: Record, since: Since) -> bool:
    if isinstance(since, int):
        return record.sequence > since
    # Times may be rounded down, and of two that are equal nobody knows which was first: the deletion counts.
    return datetime.fromisoformat(record.at) >= since
