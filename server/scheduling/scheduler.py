"""The scheduler: threads that form batches and have them run, each one at a time (torch-free)."""

import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

from server.errors import DeadlineExceeded, InferenceFailed, NotReady
from server.scheduling.queues import FairQueues
from server.scheduling.work import Item, Outcome, Progress, Ranking, Work

logger = logging.getLogger(__name__)

D = TypeVar("D")


Answers = Callable[[], Sequence[Sequence[Ranking]]]  # waits for them: of each item, in order, the rankings by part
Runner = Callable[[Sequence[Item[D]]], Sequence[Sequence[Ranking]]]  # the same of a mixed batch, at once
Begin = Callable[[Sequence[Item[D]]], Answers]  # in two steps, for one thread


class Observer(Protocol):
    def batch_ran(
        self, *, images: int, tasks: int, predictions: int, by_version: Mapping[tuple[str, int], int], seconds: float
    ) -> None:
        """`by_version` says how many of the batch's images each version of a task was asked about."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Begun(Generic[D]):
    """A batch on its way through the engine."""

    batch: list[Item[D]]
    at: float
    answers: Answers


class Scheduler(Generic[D]):
    """Owns the engine's time. `submit` may be called from any thread; results arrive in the work's future.

    With `begin`, which is for devices that compute while the host goes on, a batch that is due begins before the
    answers of the last one are waited for. Without it as many batches run as are to run `side_by_side`, in a thread
    each.
    """

    def __init__(
        self,
        queues: FairQueues[D],
        runner: Runner[D],
        observer: Observer,
        *,
        begin: Begin[D] | None = None,
        side_by_side: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        assert begin is None or side_by_side == 1
        self._queues = queues
        self._runner = runner
        self._begin = begin
        self._under_way: _Begun[D] | None = None
        self._ended_at = -math.inf  # when the last batch was done
        self._observer = observer
        self._clock = clock
        self._changed = threading.Condition()
        self._running = 0  # batches, in the threads below
        self._answering = threading.Lock()
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._loop, name="scheduler", daemon=True) for _ in range(side_by_side)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Run what waits, then end. Later submissions raise `NotReady`."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    @property
    def depth(self) -> int:
        """How many images wait."""
        with self._changed:
            return len(self._queues)

    def submit(self, work: Work[D]) -> None:
        """Queue every image of a request. Raises `NotReady` when stopping."""
        with self._changed:
            if self._stopping:
                raise NotReady("draining")
            now = self._clock()
            progress = Progress(len(work.images), now)
            for index in range(len(work.images)):
                self._queues.push(Item(work=work, index=index, progress=progress), now)
            self._changed.notify()

    def _loop(self) -> None:
        while self._step():
            pass

    def _step(self) -> bool:
        """Wait for something to do and do it; False: stop. A method of its own, so that while the next one is waited
        for nothing holds the last batch, with its images and bundles."""
        before, self._under_way = self._under_way, None
        with self._changed:
            expired, batch = self._next(waits=before is None)
            if self._begin is None and batch:
                self._running += 1
                if len(self._queues):  # for the others
                    self._changed.notify()
        for work in dict.fromkeys(item.work for item in expired):
            _fail(work, DeadlineExceeded("in the queue"))
        if self._begin is None and batch:
            self._run(batch)
        elif self._begin is not None:
            self._under_way = self._begun(batch) if batch else None
            if before is not None:
                self._finish(before)
        return bool(expired or batch or before)

    def _run(self, batch: list[Item[D]]) -> None:
        try:
            if begun := self._begun(batch):
                self._finish(begun)
        finally:
            with self._changed:
                self._running -= 1

    def _next(self, *, waits: bool) -> tuple[list[Item[D]], list[Item[D]]]:
        """What is to be done. If it `waits` for that, nothing at all means stop."""
        while True:
            now = self._clock()
            expired = self._queues.expire(now)
            taken = self._queues.take(now, drain=self._stopping, running=self._running)
            batch = [item for item in taken if _is_wanted(item)]
            if expired or batch or not waits or (self._stopping and not len(self._queues)):
                return expired, batch
            due_at = self._queues.due_at()
            if due_at is None or due_at > now:
                self._changed.wait(None if due_at is None else due_at - now)

    def _begun(self, batch: list[Item[D]]) -> _Begun[D] | None:
        """None: it broke."""
        at = self._clock()
        try:
            return _Begun(batch=batch, at=at, answers=self._answers(batch))
        except Exception:  # whatever broke, only the request that broke it may suffer
            self._run_apart(batch)
            return None

    def _answers(self, batch: list[Item[D]]) -> Answers:
        return partial(self._runner, batch) if self._begin is None else self._begin(batch)

    def _finish(self, begun: _Begun[D]) -> None:
        try:
            answers = begun.answers()
        except Exception:  # whatever broke, only the request that broke it may suffer
            self._run_apart(begun.batch)
            return
        self._answer(begun, answers)

    def _run_apart(self, batch: list[Item[D]]) -> None:
        """Each request of a batch that broke for itself; a request alone has failed."""
        works = list(dict.fromkeys(item.work for item in batch))
        tasks = ",".join(dict.fromkeys(task for work in works for task in work.tasks))
        logger.exception("a batch of %s requests failed", len(works), extra={"task": tasks})
        if len(works) == 1:
            _fail(works[0], InferenceFailed(works[0].tasks))
            return
        for work in works:
            if begun := self._begun([item for item in batch if item.work is work]):
                self._finish(begun)

    def _answer(self, begun: _Begun[D], answers: Sequence[Sequence[Ranking]]) -> None:
        batch = begun.batch
        with self._answering:
            ended_at = self._clock()
            seconds = ended_at - max(begun.at, self._ended_at)  # the engine's time counts once
            since = begun.at if self._begin is None else ended_at - seconds
            self._ended_at = ended_at
            _note(batch, answers, since, ended_at)
            finished = {item.work: item.progress for item in batch if not item.progress.missing}
        self._observer.batch_ran(
            images=len(batch),
            tasks=len({task for item in batch for task in item.work.tasks}),
            predictions=sum(item.cost for item in batch),
            by_version=Counter(
                part for item in batch for part in zip(item.work.tasks, item.work.versions, strict=True)
            ),
            seconds=seconds,
        )
        _deliver(finished, ended_at)


def _is_wanted(item: Item[D]) -> bool:
    """Whether anybody still waits for it; from here on the request can no longer be cancelled."""
    future = item.work.future
    return not future.done() and (future.running() or future.set_running_or_notify_cancel())


def _fail(work: Work[D], failure: Exception) -> None:
    future = work.future
    if not future.done() and (future.running() or future.set_running_or_notify_cancel()):
        future.set_exception(failure)


def _note(batch: Iterable[Item[D]], answers: Sequence[Sequence[Ranking]], since: float, now: float) -> None:
    for item, rankings in zip(batch, answers, strict=True):
        progress = item.progress
        progress.rankings[item.index] = rankings
        progress.missing -= 1
        progress.inference_s += now - max(since, progress.counted_until)
        progress.counted_until = now


def _deliver(finished: Mapping[Work[D], Progress], now: float) -> None:
    for work, progress in finished.items():
        if not work.future.done():
            queue_s = now - progress.submitted_at - progress.inference_s
            work.future.set_result(
                Outcome(rankings=progress.rankings, queue_s=queue_s, inference_s=progress.inference_s)
            )
