"""The predictor: from targets and an upload to predictions. Knows no HTTP; on the event loop it only waits."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hosting.telemetry import log_context, tracing
from hosting.telemetry.request_id import request_id
from nettailor.bundle.preprocessing import Preprocessing
from nettailor.errors import BundleInvalid
from registry.errors import AliasUnknown, BlobCorrupt, BlobMissing, TaskUnknown, VersionUnknown
from registry.registry import LIVE
from server.engine.adapters import Adapter
from server.errors import BundleUnavailable, BundleUnusable, DeadlineExceeded
from server.http.bodies import Upload
from server.http.schemas import Label, Prediction
from server.metrics import Metrics
from server.prediction.images import ImageReader
from server.prediction.routing import ResolvedVersion, Routing
from server.scheduling.admission import Admission
from server.scheduling.scheduler import Scheduler
from server.scheduling.work import Outcome, Ranking, Work


@dataclass(frozen=True, kw_only=True)
class Target:
    """Whose answer is wanted: a task's version, or what an alias names."""

    task: str
    alias: str = LIVE
    version: int | None = None


def parse_target(name: str) -> Target:
    """`task` or `task@alias`."""
    task, at, alias = name.strip().partition("@")
    return Target(task=task, alias=alias if at else LIVE)


@dataclass(frozen=True, kw_only=True)
class Options:
    top_k: int
    priority: int  # within a task, more goes first
    timeout_s: float


@dataclass(kw_only=True, eq=False)
class RequestGroup:
    """What a part of a request holds until its answer is there: leases, and room in the queue.

    One claim is the targets that share preprocessing: their images are prepared once and run in one batch.
    """

    preprocessing: Preprocessing
    places: list[int] = field(default_factory=list)  # of its targets within the request
    chosen: list[ResolvedVersion[Adapter]] = field(default_factory=list)
    admitted: int = 0  # images
    submitted: bool = False

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(choice.record.task for choice in self.chosen)


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictor:
    routing: "Routing[Any, Adapter]"
    admission: Admission
    reader: ImageReader
    scheduler: Scheduler[Adapter]
    metrics: Metrics
    lookups: Executor  # for questions to the registry
    clock: Callable[[], float] = time.monotonic

    async def predict(self, targets: Sequence[Target], upload: Upload, options: Options) -> list[Prediction]:
        """One prediction a target, in order.

        Raises `TaskUnknown`, `AliasUnknown`, `VersionUnknown`, `IndexUnavailable` (registry); `BundleUnusable`,
        `BundleUnavailable`, `RequestMalformed`, `BodyUnsupported`, `ImageRejected`, `Overloaded`, `DeadlineExceeded`,
        `NotReady`, `InferenceFailed`.
        """
        deadline = self.clock() + options.timeout_s
        claims: dict[Preprocessing, RequestGroup] = {}
        try:
            async with asyncio.timeout(options.timeout_s):
                for place, target in enumerate(targets):
                    choice = await self._choose(target)  # a miss starts loading here, beside all that follows
                    preprocessing = choice.record.manifest.preprocessing
                    claim = claims.setdefault(preprocessing, RequestGroup(preprocessing=preprocessing))
                    claim.places.append(place)
                    claim.chosen.append(choice)
                if len(targets) == 1:
                    log_context.version.set(choice.record.version)
                works = await self._submit(list(claims.values()), upload, options, deadline)
                # Giving up takes what has not begun out of the queue; what runs is let finish, for nobody.
                answers = await asyncio.gather(*(_outcome(work.future) for work in works))
        except TimeoutError:
            raise DeadlineExceeded(_stage(claims.values())) from None
        finally:
            for claim in claims.values():
                if not claim.submitted:
                    self._release(claim)
        if tracing.is_on():
            _trace(list(claims.values()), answers)
        found: dict[int, Prediction] = {}
        for claim, outcome in zip(claims.values(), answers, strict=True):
            for part, (place, choice) in enumerate(zip(claim.places, claim.chosen, strict=True)):
                found[place] = _prediction(choice, [rankings[part] for rankings in outcome.rankings], outcome)
                self.metrics.queued(choice.record.task, outcome.queue_s)
        return [found[place] for place in range(len(targets))]

    async def _choose(self, target: Target) -> ResolvedVersion[Adapter]:
        """Resolve and count; what is not known here may have been published a moment ago, so the registry is asked."""
        try:
            return self._choose_known(target)
        except (TaskUnknown, AliasUnknown, VersionUnknown):
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self.lookups, self.routing.look_up, target.task, target.version)
            return self._choose_known(target)

    def _choose_known(self, target: Target) -> ResolvedVersion[Adapter]:
        if target.version is None:
            return self.routing.choose(target.task, target.alias)
        return self.routing.choose_version(target.task, target.version)

    async def _submit(
        self, claims: list[RequestGroup], upload: Upload, options: Options, deadline: float
    ) -> list[Work[Adapter]]:
        files = await self.reader.files(upload)
        for claim in claims:
            self.admission.enter(claim.tasks, len(files))
            claim.admitted = len(files)
        images = await self.reader.prepare(files, [claim.preprocessing for claim in claims])
        works = []
        for index, claim in enumerate(claims):
            adapters = tuple([await self._ready(choice) for choice in claim.chosen])
            own = [prepared[index] for prepared in images]
            works.append(_work(claim, adapters, own, options, deadline=deadline))
        for claim, work in zip(claims, works, strict=True):
            self.scheduler.submit(work)
            claim.submitted = True
            work.future.add_done_callback(partial(self._release, claim))
        return works

    async def _ready(self, choice: ResolvedVersion[Adapter]) -> Adapter:
        lease, record = choice.lease, choice.record
        try:
            adapter = lease.ready.result() if lease.ready.done() else await _loaded(lease.ready)
        except (BundleInvalid, BlobMissing, BlobCorrupt) as failure:
            raise BundleUnusable(record.task, record.version, str(failure)) from failure
        except OSError as failure:  # the blob store is away
            raise BundleUnavailable(record.task, record.version, str(failure)) from failure
        self.metrics.switched(record.task, lease.tier, lease.switch_s)
        return adapter

    def _release(self, claim: RequestGroup, _: object = None) -> None:
        for choice in claim.chosen:
            choice.lease.release()
        if claim.admitted:
            self.admission.leave(claim.tasks, claim.admitted)


async def _loaded(ready: "Future[Adapter]") -> Adapter:
    """Its result, once it is there. `asyncio.wrap_future` would leave it a callback that refers to it: a cycle."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def notice(_: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(done.set)

    ready.add_done_callback(notice)
    await done.wait()
    return ready.result()


def _work(
    claim: RequestGroup,
    adapters: tuple[Adapter, ...],
    images: Sequence[NDArray[np.uint8]],
    options: Options,
    *,
    deadline: float,
) -> Work[Adapter]:
    return Work(
        tasks=claim.tasks,
        parts=adapters,
        images=images,
        key=claim.preprocessing.crop,
        top_k=options.top_k,
        priority=options.priority,
        deadline=deadline,
    )


def _stage(claims: Collection[RequestGroup]) -> str:
    queued = bool(claims) and all(claim.submitted for claim in claims)
    return "in the queue or the engine" if queued else "before its bundle and its images were ready"


def _trace(claims: Sequence[RequestGroup], outcomes: Sequence[Outcome]) -> None:
    """What was measured, as spans of the request: a batch, the wait for it, the switches of its tasks. They are laid
    end to end; bundles load while images are decoded, so a switch may have begun earlier than shown."""
    for claim, outcome in zip(claims, outcomes, strict=True):
        began = tracing.record("batch", outcome.inference_s, about={"nettailor.tasks": ",".join(claim.tasks)})
        began = tracing.record("queue", outcome.queue_s, ended_ns=began)
        for choice in claim.chosen:
            record, lease = choice.record, choice.lease
            about: tracing.Attributes = {
                "nettailor.task": record.task,
                "nettailor.version": record.version,
                "nettailor.tier": str(lease.tier),
            }
            tracing.record("switch", lease.switch_s, ended_ns=began, about=about)


def _outcome(future: "Future[Outcome]") -> Awaitable[Outcome]:
    return asyncio.wrap_future(future)


def _prediction(choice: ResolvedVersion[Adapter], rankings: Sequence[Ranking], outcome: Outcome) -> Prediction:
    record, lease = choice.record, choice.lease
    classes = record.manifest.classes
    return Prediction(
        task=record.task,
        version=record.version,
        digest=record.digest,
        predictions=[[Label(label=classes[i], index=i, probability=p) for i, p in ranking] for ranking in rankings],
        tier=lease.tier,
        switch_ms=_milliseconds(lease.switch_s),
        queue_ms=_milliseconds(outcome.queue_s),
        inference_ms=_milliseconds(outcome.inference_s),
        request_id=request_id.get(),
    )


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
