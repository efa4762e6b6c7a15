"""Fair queues: whose turn it is, and when a batch is worth running (torch-free; no threads, no clock of its own).

Start-time fair queueing (Goyal et al. 1996) over tasks: serving a task advances its virtual time by cost / weight, the
task with the least virtual time is next, and a task that was idle starts at the time of the one in service. So a
quiet task is served at once however long a busy one's queue is, and being idle earns no credit.
"""

import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from server.scheduling.work import BatchKey, Item

D = TypeVar("D")


@dataclass(frozen=True, kw_only=True, eq=False)
class _Waiting(Generic[D]):
    item: Item[D]
    task: str  # whose queue it stands in
    since: float


@dataclass(eq=False)
class _Lane:
    """Everything that may share a batch. Numbers are of arrival; those no longer in `FairQueues._waiting` are gone."""

    max_rows: int  # of a batch
    queues: dict[str, list[tuple[int, int]]] = field(default_factory=dict)  # by task, heaps of (-priority, number)
    arrivals: deque[int] = field(default_factory=deque)
    rows: int = 0


class FairQueues(Generic[D]):
    """A batch is due when enough rows wait in a lane or its oldest item has waited `max_wait_s`."""

    def __init__(
        self,
        *,
        max_rows: int,
        max_wait_s: float,
        weights: Mapping[str, float] | None = None,
        enough: Callable[[BatchKey], int] | None = None,
        side_by_side: int = 1,
        least_rows: int = 1,
    ) -> None:
        """`enough` says how many rows a batch of a key should have at most, instead of `max_rows`. Where batches run
        `side_by_side`, so many have them together; what would be shares of fewer than `least_rows` stays together."""
        self._enough = enough or (lambda key: max_rows)
        self._max_wait_s = max_wait_s
        self._weights = weights or {}
        self._side_by_side, self._least_rows = side_by_side, least_rows
        self._waiting: dict[int, _Waiting[D]] = {}  # by number of arrival
        self._lanes: dict[BatchKey, _Lane] = {}
        self._deadlines: list[tuple[float, int]] = []
        self._times: dict[str, float] = {}  # virtual, by task
        self._now = 0.0  # virtual time of the latest service
        self._arrival = itertools.count()

    def __len__(self) -> int:
        """How many items wait."""
        return len(self._waiting)

    def push(self, item: Item[D], now: float) -> None:
        tasks = item.work.tasks
        for task in tasks:
            self._times[task] = max(self._times.get(task, 0.0), self._now)
        # Work for several tasks waits with the one that is furthest ahead, so that it overtakes nobody.
        task = max(tasks, key=lambda t: self._times[t])
        number = next(self._arrival)
        self._waiting[number] = _Waiting(item=item, task=task, since=now)
        lane = self._lane(item.work.key)
        heapq.heappush(lane.queues.setdefault(task, []), (-item.work.priority, number))
        heapq.heappush(self._deadlines, (item.work.deadline, number))
        lane.arrivals.append(number)
        lane.rows += item.cost

    def _lane(self, key: BatchKey) -> _Lane:
        if key not in self._lanes:
            self._lanes[key] = _Lane(max_rows=self._enough(key))
        return self._lanes[key]

    def expire(self, now: float) -> list[Item[D]]:
        """Take out and return the items that have passed their deadlines."""
        expired = []
        while self._deadlines and (self._deadlines[0][0] <= now or self._deadlines[0][1] not in self._waiting):
            _, number = heapq.heappop(self._deadlines)
            if number in self._waiting:
                expired.append(self._remove(number).item)
        return expired

    def due_at(self) -> float | None:
        """When to look again if nothing arrives: the next batch or the next deadline; None if nothing waits."""
        times = [self._oldest(lane) + self._max_wait_s for lane in self._busy_lanes()]
        return min([*times, self._deadlines[0][0]]) if times else None

    def take(self, now: float, *, drain: bool = False, running: int = 0) -> list[Item[D]]:
        """The next batch, up to as many rows as are enough (one larger item goes alone); empty if none is due.

        `drain` takes what there is without waiting for company. `running` batches run already, of those that do side by
        side.
        """
        due = [lane for lane in self._busy_lanes() if drain or self._is_due(lane, now)]
        if not due:
            return []
        lane = min(due, key=lambda lane: min(self._times[task] for task in lane.queues))
        batch = list(self._batch(lane, self._most(lane, running)))
        if not self._waiting:  # virtual times only matter while something waits
            self._times.clear()
            self._deadlines.clear()
        return batch

    def _most(self, lane: _Lane, running: int) -> int:
        """An even share of the rows that wait, for each batch that could begin now."""
        if lane.rows < self._least_rows * self._side_by_side:
            return lane.max_rows
        largest = math.ceil(lane.max_rows / self._side_by_side)
        return min(largest, math.ceil(lane.rows / (self._side_by_side - running)))

    def _batch(self, lane: _Lane, most: int) -> Iterator[Item[D]]:
        rows = 0
        turns = [(self._times[task], task) for task in lane.queues]
        heapq.heapify(turns)
        while turns:
            time, task = turns[0]
            if time < self._times[task]:
                heapq.heapreplace(turns, (self._times[task], task))
                continue
            number = self._head(lane, task)
            if number is None:
                heapq.heappop(turns)
                continue
            cost = self._waiting[number].item.cost
            if rows and rows + cost > most:
                return
            rows += cost
            yield self._serve(number)

    def _busy_lanes(self) -> Iterator[_Lane]:
        """Lanes where something waits: the oldest item first in `arrivals`, no empty queue."""
        for key, lane in list(self._lanes.items()):
            while lane.arrivals and lane.arrivals[0] not in self._waiting:
                lane.arrivals.popleft()
            for task in [task for task in lane.queues if self._head(lane, task) is None]:
                del lane.queues[task]
            if lane.arrivals:
                yield lane
            else:
                del self._lanes[key]

    def _oldest(self, lane: _Lane) -> float:
        return self._waiting[lane.arrivals[0]].since

    def _is_due(self, lane: _Lane, now: float) -> bool:
        return lane.rows >= lane.max_rows or self._oldest(lane) + self._max_wait_s <= now

    def _head(self, lane: _Lane, task: str) -> int | None:
        queue = lane.queues[task]
        while queue and queue[0][1] not in self._waiting:
            heapq.heappop(queue)
        return queue[0][1] if queue else None

    def _serve(self, number: int) -> Item[D]:
        waiting = self._remove(number)
        self._now = max(self._now, self._times[waiting.task])
        tasks = waiting.item.work.tasks
        for task in tasks:
            start = max(self._times.get(task, 0.0), self._now)
            self._times[task] = start + waiting.item.cost / len(tasks) / self._weights.get(task, 1.0)
        return waiting.item

    def _remove(self, number: int) -> _Waiting[D]:
        waiting = self._waiting.pop(number)
        self._lanes[waiting.item.work.key].rows -= waiting.item.cost
        return waiting
