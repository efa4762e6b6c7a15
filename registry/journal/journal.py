"""Writing to a task: the next record beside the blobs makes an operation happen, then the index repeats it.

A crash in between loses nothing that was acknowledged: the next write to the task, `reconcile` or `rebuild` folds in
what the index has not seen.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from registry.errors import RecordCorrupt, RecordsBehind
from registry.journal.index import Index, TaskState
from registry.journal.records import BACKBONES, Record, Records
from registry.progress import Progress

logger = logging.getLogger(__name__)

RecordT = TypeVar("RecordT", bound=Record)


@dataclass(frozen=True, kw_only=True)
class Rebuilt:
    """What a rebuild of the index did."""

    tasks: int  # whose records were read and folded in
    left_out: tuple[RecordCorrupt, ...]  # a record of each other task, which cannot be read; its file stays


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
            if state.unread is not None:
                self._fold(task, self._records.whole(task, after=state.sequence))  # it may have been put back
                continue
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
        """The number of the task's last record, 0 if it has none; what the index has not seen is folded in first.

        Raises `RecordCorrupt`.
        """
        known = self._index.state(task).sequence
        return known + self._catch_up(task, known)

    def reconcile(self) -> int:
        """Fold in every record the index has not seen; returns how many.

        A task whose next record cannot be read is left as it is: from then on, whoever asks about it gets
        `RecordCorrupt`.
        """
        count = 0
        for task in self._records.tasks():
            try:
                known = self._index.state(task).sequence
                count += self._fold(task, self._records.whole(task, after=known))
            except RecordCorrupt as fault:
                logger.error("task %s is left out: %s", task, fault)
        return count

    def rebuild(self, progress: Progress) -> Rebuilt:
        """Make the index what the records say, whatever it holds now.

        A task with a record that cannot be read stays what the index knows of it; where that is not all, whoever asks
        gets `RecordCorrupt`.
        """
        tasks = sorted({*self._records.tasks(), *self._index.known_tasks()})
        left_out: dict[str, RecordCorrupt] = {}
        for done, task in enumerate(tasks, 1):
            try:
                records = list(self._records.whole(task))
                self._index.replace(task, records)
                self._catch_up(task, len(records))  # what others wrote meanwhile
            except RecordCorrupt as fault:
                left_out[task] = fault
                if self._index.state(task).sequence < self._records.latest(task):
                    self._index.set_unread(task, fault)
            progress(done, len(tasks))
        read = {*tasks} - left_out.keys() - {BACKBONES}
        return Rebuilt(tasks=len(read), left_out=tuple(left_out.values()))

    def _catch_up(self, task: str, sequence: int) -> int:
        return self._fold(task, self._records.since(task, sequence))

    def _fold(self, task: str, records: Iterator[Record]) -> int:
        """Fold in the records after those that the index has; returns how many."""
        count = 0
        try:
            for record in records:
                self._index.apply(record)
                count += 1
        except RecordCorrupt as fault:
            self._index.set_unread(task, fault)
            raise
        if self._index.state(task).unread is not None:
            self._index.set_unread(task, None)
        return count
