"""What was acknowledged so far, and what to do next."""

import random
import threading
from collections import Counter

from benchmarks.crash.operations import Acknowledged, Operation, Outcome

TASKS = ("flowers", "letters", "signs")
_BUNDLES = 500  # of a task; some come again, which must give the version they are
_PUBLISH, _PROMOTE, _ROLLBACK = 6, 3, 2  # out of so many operations together


class Journal:
    """Safe from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.publishes: dict[tuple[str, int], str] = {}  # (task, version) -> digest
        self.moves: set[Acknowledged] = set()
        self.contradictions = 0  # a version number acknowledged for two digests
        self.counts: Counter[str] = Counter()

    def note(self, outcome: Outcome | None) -> None:
        """None: the writer was killed before it was answered."""
        with self._lock:
            self.counts[_word(outcome)] += 1
            if not isinstance(outcome, Acknowledged):
                return
            if outcome.kind != "publish":
                self.moves.add(outcome)
            elif self.publishes.setdefault((outcome.task, outcome.version), outcome.digest) != outcome.digest:
                self.contradictions += 1

    @property
    def records(self) -> int:
        """How many the acknowledged operations must have left; what changed nothing left none."""
        with self._lock:
            return len(self.publishes) + sum(move.before != move.version for move in self.moves)

    def next_operation(self, chance: random.Random) -> Operation:
        task = chance.choice(TASKS)
        with self._lock:
            versions = [version for named, version in self.publishes if named == task]
        draw = chance.randrange(_PUBLISH + _PROMOTE + _ROLLBACK)
        if draw < _PUBLISH or not versions:
            return Operation(kind="publish", task=task, seed=chance.randrange(_BUNDLES))
        if draw < _PUBLISH + _PROMOTE:
            return Operation(kind="promote", task=task, version=chance.choice(versions))
        return Operation(kind="rollback", task=task)


def _word(outcome: Outcome | None) -> str:
    if outcome is None:
        return "cut off"
    if isinstance(outcome, Acknowledged):
        return outcome.kind
    return "away" if outcome.away else "refused"
