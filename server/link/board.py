"""The board: how full the engine is, in memory that the engine writes and every front reads (torch-free).

It lets a front turn requests away before it has read them, at no cost to the engine. It may be a moment old, and two
tasks whose places are the same hide each other: who is let through is counted by the engine's own admission.
"""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

from hosting.processes.shared_memory import mapped, new_file
from server.scheduling.admission import Standing

_TOTAL, _BOUND, _BOUND_PER_TASK, _NS_EACH, _HEAD = range(5)  # words of 8 bytes
_PLACES = 1024  # of tasks; two words each, the task's hash and its count
_SIZE_BYTES = 8 * (_HEAD + 2 * _PLACES)
_NS = 1_000_000_000


class Board:
    """Over a descriptor, or a new file. Each word is written and read at once."""

    def __init__(self, descriptor: int | None = None) -> None:
        self.descriptor = new_file("nettailor-board", _SIZE_BYTES) if descriptor is None else descriptor
        self._words = memoryview(mapped(self.descriptor)).cast("q")

    def show(self, standing: Standing) -> None:
        """What `Admission.changed` is to call."""
        words = self._words
        words[_TOTAL] = standing.total
        words[_BOUND] = standing.bound
        words[_BOUND_PER_TASK] = standing.bound_per_task
        words[_NS_EACH] = round(standing.seconds_each * _NS)
        for task, count in standing.by_task.items():
            name, place = _hash(task)
            words[place] = name
            words[place + 1] = count

    def check(self, tasks: Sequence[str]) -> None:
        """Whether an image for each task could enter. Raises `Overloaded`."""
        words, wanted = self._words, Counter(tasks)
        if words[_BOUND]:
            standing = Standing(
                total=words[_TOTAL],
                by_task={task: self._count(task) for task in wanted},
                bound=words[_BOUND],
                bound_per_task=words[_BOUND_PER_TASK],
                seconds_each=words[_NS_EACH] / _NS,
            )
            standing.check(wanted)

    def _count(self, task: str) -> int:
        name, place = _hash(task)
        return self._words[place + 1] if self._words[place] == name else 0


@lru_cache(maxsize=4 * _PLACES)
def _hash(task: str) -> tuple[int, int]:
    """What a task is called on the board, and where its words are."""
    digest = int.from_bytes(blake2b(task.encode(), digest_size=8).digest(), "little", signed=True)
    return digest, _HEAD + 2 * (digest % _PLACES)
