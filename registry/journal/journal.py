"""Writing to a task: the next record beside the blobs makes an operation happen, then the index repeats it.

A crash in between loses nothing that was acknowledged: the next write to the task, `reconcile` or `rebuild` folds in
what the index has not seen.
"""

from collections.abc import Callable
from typing import TypeVar

from registry.errors import RecordsBehind
from registry.journal.index import Index, TaskState
from registry.journal.records import Record, Records
from registry.progress import Progress

RecordT = TypeVar("RecordT", bound=Record)


class Journal:
    """Records and the index, kept in step. Every method raises `IndexUnavailable` when Redis is away."""

    def __init__(self, index: Index, records: Records) -> None:
        self._index = index
        self._records = records

    def commit(self, task: str, decide: Callable[[TaskState], RecordT]) -> RecordT:
        """Write what `decide` makes of the task's present state; decide again if another writer was first.

        If `decide` changes nothing, the number of its record is taken already: it is returned, and nothing is written.
        Raises `RecordsBehind`, `RecordCorrupt` and whatever `decide` does.
        """
        while True:
            state = self._index.state(task)
            record = decide(state)
            if record.sequence <= state.sequence:
                return record
            if self._index.state(task).sequence < state.sequence:
                continue  # it has lost records, and the decision may have been made without them
            if state.sequence and self._records.read(task, state.sequence) is None:
                raise RecordsBehind(task, state.sequence)
            if self._records.append(record):
                reached = self._index.apply(record)
                if reached < record.sequence:  # the index has lost records since we looked
                    self._catch_up(task, reached)
                return record
            self._catch_up(task, state.sequence)

    def sequence(self, task: str) -> int:
        """The number of the task's last record, 0 if it has none; what the index has not seen is folded in first."""
        known = self._index.state(task).sequence
        return known + self._catch_up(task, known)

    def reconcile(self) -> int:
        """Fold in every record the index has not seen; returns how many."""
        return sum(self._catch_up(task, self._index.state(task).sequence) for task in self._records.tasks())

    def rebuild(self, progress: Progress) -> int:
        """Make the index what the records say, whatever it holds now; returns the number of tasks.

        Raises `RecordCorrupt`.
        """
        tasks = sorted({*self._records.tasks(), *self._index.known_tasks()})
        for done, task in enumerate(tasks, 1):
            records = list(self._records.whole(task))
            self._index.replace(task, records)
            self._catch_up(task, len(records))  # what others wrote meanwhile
            progress(done, len(tasks))
        return len(tasks)

    def _catch_up(self, task: str, sequence: int) -> int:
        count = 0
        for record in self._records.since(task, sequence):
            self._index.apply(record)
            count += 1
        return count
