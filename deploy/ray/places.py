"""Where a request should go: which replicas to try, in which order (knows no Ray).

First those that hold the tasks. Then two homes by a rendezvous of task and replica, the emptier first: all ingresses
agree on them without asking each other, and when replicas come or go only the homes at these move.
"""

import hashlib
import time
from collections.abc import Callable, Collection, Mapping, Sequence

HELD = "held"  # what a replica calls it in its routing statistics
Held = Mapping[str, Collection[str]]  # tier -> tasks, as a replica tells it

_READY, _IN_HOST = 2, 1  # what it is worth that a task is there


def ranked(tasks: Sequence[str], held: Mapping[str, Held], sent: Mapping[str, str]) -> list[list[str]]:
    """Every replica once, the best first; within a rank the least busy should be taken.

    `held` is what each replica that runs now told last, `sent` the replica that a task was sent to since. Replicas that
    hold equally much of `tasks` share a rank; those that hold nothing of it have a rank each.
    """
    worth = {replica: sum(_worth(task, replica, held, sent) for task in tasks) for replica in held}
    values = sorted({*worth.values()} - {0}, reverse=True)
    ranks = [[replica for replica in held if worth[replica] == value] for value in values]
    key = ",".join(tasks)
    empty = sorted((replica for replica in held if not worth[replica]), key=lambda replica: _affinity(key, replica))
    homes = sorted(empty[:2], key=lambda replica: sum(map(len, held[replica].values())))
    return ranks + [[replica] for replica in homes + empty[2:]]


def _worth(task: str, replica: str, held: Mapping[str, Held], sent: Mapping[str, str]) -> int:
    tiers = held[replica]
    if task in tiers.get("device", ()) or sent.get(task) == replica:
        return _READY
    return _IN_HOST if task in tiers.get("host", ()) else 0


def _affinity(key: str, replica: str) -> bytes:
    """Hash of the pair: evenly spread over replicas, and the same in every process, as `hash` is not."""
    return hashlib.blake2b(f"{key}\0{replica}".encode(), digest_size=8).digest()


class Sent:
    """Which replica each task was sent to within the last `seconds` that had not told of it by then.

    Without it, a task that begins to be asked would go to one home now and to the other, by then emptier one, next.
    What was noted is not renewed: if a replica has no room for all that it is sent, the tasks that it lets go should
    find another home.
    """

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._sent: dict[str, tuple[str, float]] = {}  # by age: what is oldest is first

    def add(self, task: str, replica: str) -> None:
        now = self._clock()
        self._forget(now)
        if task in self._sent and self._sent[task][0] == replica:
            return
        self._sent.pop(task, None)
        self._sent[task] = (replica, now + self._seconds)

    def of(self, tasks: Sequence[str]) -> dict[str, str]:
        """task -> replica, of those tasks that were sent lately."""
        self._forget(self._clock())
        return {task: self._sent[task][0] for task in tasks if task in self._sent}

    def _forget(self, now: float) -> None:
        """Names come from clients: no more of them are kept than a few seconds bring."""
        while self._sent:
            oldest = next(iter(self._sent))
            if self._sent[oldest][1] > now:
                return
            del self._sent[oldest]
