"""The predictor: from targets and image files to answers. Knows no HTTP; on the event loop it only waits."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from hosting.telemetry import log_context, tracing
from nettailor.bundle.preprocessing import Preprocessing
from nettailor.errors import NetTailorError
from registry.errors import AliasUnknown, BlobCorrupt, BlobMissing, TaskUnknown, VersionUnknown
from registry.journal.records import VersionRecord
from server.engine.ready import Ready
from server.errors import (
    BackboneDoesNotFit,
    BackboneNotHere,
    BundleDoesNotFit,
    BundleUnavailable,
    BundleUnusable,
    BundleWithoutBackbone,
    DeadlineExceeded,
    NetworkDoesNotFit,
)
from server.metrics import Metrics
from server.prediction.answer import Answer
from server.prediction.images import ImageReader
from server.prediction.routing import ResolvedVersion, Routing, Target
from server.scheduling.admission import Admission
from server.scheduling.scheduler import Scheduler
from server.scheduling.work import Outcome, Ranking, Work
from server.statistics import Answered, Statistics

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Options:
    top_k: int  # how many classes an image
    priority: int  # within a task, more goes first
    deadline: float  # on the predictor's clock


@dataclass(kw_only=True, eq=False)
class RequestGroup:
    """The targets of one request that share backbone and preprocessing: their images are prepared once and run in one
    batch.

    It holds leases of their bundles, and room in the queue, until the answers are there.
    """

    backbone: str  # its fingerprint
    preprocessing: Preprocessing
    places: list[int] = field(default_factory=list)  # of its targets within the request
    resolved: list[ResolvedVersion[Ready]] = field(default_factory=list)
    admitted: int = 0  # images
    submitted: bool = False
    input_s: float = 0.0  # until its images were prepared

    @property
    def versions(self) -> tuple[tuple[str, int], ...]:
        return tuple((target.record.task, target.record.version) for target in self.resolved)

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(target.record.task for target in self.resolved)

    def add(self, place: int, target: ResolvedVersion[Ready]) -> None:
        self.places.append(place)
        self.resolved.append(target)

    def answers(self, outcome: Outcome) -> list[tuple[int, Answer]]:
        """Each with its target's place within the request."""
        return [
            (place, _answer(target, [rankings[part] for rankings in outcome.rankings], outcome))
            for part, (place, target) in enumerate(zip(self.places, self.resolved, strict=True))
        ]

    def trace(self, outcome: Outcome) -> None:
        """What was measured, as spans of the request: a batch, the wait for it, the switches of its tasks. They are
        laid end to end; bundles load while images are decoded, so a switch may have begun earlier than shown."""
        began = tracing.record("batch", outcome.inference_s, about={"nettailor.tasks": ",".join(self.tasks)})
        began = tracing.record("queue", outcome.queue_s, ended_ns=began)
        for target in self.resolved:
            about: tracing.Attributes = {
                "nettailor.task": target.record.task,
                "nettailor.version": target.record.version,
                "nettailor.tier": str(target.lease.tier),
            }
            tracing.record("switch", target.lease.switch_s, ended_ns=began, about=about)


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictor:
    routing: "Routing[Any, Ready]"
    admission: Admission
    reader: ImageReader
    scheduler: Scheduler[Ready]
    metrics: Metrics
    statistics: Statistics
    lookups: Executor  # for questions to the registry
    clock: Callable[[], float] = time.monotonic

    async def predict(self, targets: Sequence[Target], files: Sequence[bytes], options: Options) -> list[Answer]:
        """One answer a target, in order; each says something of every image file.

        Raises `TaskUnknown`, `AliasUnknown`, `VersionUnknown`, `RecordCorrupt`, `IndexUnavailable` (registry);
        `BundleUnusable`, `BundleUnavailable`, `ImageRejected`, `ImagesOversized`, `Overloaded`, `DeadlineExceeded`,
        `NotReady`, `InferenceFailed`.
        """
        began_at = self.clock()
        groups: dict[tuple[str, Preprocessing], RequestGroup] = {}
        outcomes: list[Outcome] | None = None
        try:
            async with asyncio.timeout(options.deadline - self.clock()):
                for place, target in enumerate(targets):
                    # A miss starts loading here, beside all that follows.
                    resolved = await self._asked(self.routing.resolve, target)
                    manifest = resolved.record.manifest
                    backbone, preprocessing = manifest.backbone.fingerprint, manifest.preprocessing
                    group = RequestGroup(backbone=backbone, preprocessing=preprocessing)
                    groups.setdefault((backbone, preprocessing), group).add(place, resolved)
                if len(targets) == 1:
                    log_context.version.set(resolved.record.version)
                works = await self._submit(list(groups.values()), files, options)
                # Giving up takes what has not begun out of the queue; what runs is let finish, for nobody.
                outcomes = await asyncio.gather(*(asyncio.wrap_future(work.future) for work in works))
        except TimeoutError:
            raise DeadlineExceeded(_stage(groups.values())) from None
        finally:
            for group in groups.values():
                if not group.submitted:
                    self._release(group)
            if outcomes is None:
                versions = [version for group in groups.values() for version in group.versions]
                self.statistics.failed(versions, self.clock() - began_at)
        return self._answers(list(groups.values()), outcomes, self.clock() - began_at)

    async def record(self, target: Target) -> VersionRecord:
        """What would answer for a target. Raises what `predict` raises before it looks at images."""
        return await self._asked(self.routing.record, target)

    async def load(self, target: Target, deadline: float) -> None:
        """Make what a name leads to ready, and keep whatever it leads to ready from now on.

        Raises what `predict` raises before it looks at images.
        """
        resolved = await self._asked(self.routing.load, target)
        try:
            async with asyncio.timeout(deadline - self.clock()):
                await self._ready(resolved)
        except BaseException as failure:  # whatever it was, nothing stays pinned that was never there
            with contextlib.suppress(TaskUnknown, AliasUnknown):  # deleted meanwhile
                self.routing.unload(target)
            if isinstance(failure, TimeoutError):
                raise DeadlineExceeded("before its bundle was ready") from None
            raise
        finally:
            resolved.lease.release()

    async def unload(self, target: Target) -> None:
        """Raises `TaskUnknown`, `AliasUnknown`, `RecordCorrupt`, `IndexUnavailable`."""
        await self._asked(self.routing.unload, target)

    def _answers(self, groups: Sequence[RequestGroup], outcomes: Sequence[Outcome], total_s: float) -> list[Answer]:
        """The groups' answers in the order of the request's targets."""
        found: dict[int, Answer] = {}
        for group, outcome in zip(groups, outcomes, strict=True):
            if tracing.is_on():
                group.trace(outcome)
            for place, answer in group.answers(outcome):
                found[place] = answer
                self.metrics.queued(answer.task, outcome.queue_s)
                times = Answered(
                    total_s=total_s,
                    queue_s=answer.switch_s + outcome.queue_s,
                    input_s=group.input_s,
                    inference_s=outcome.inference_s,
                )
                self.statistics.answered((answer.task, answer.version), times)
        return [found[place] for place in sorted(found)]

    async def _asked(self, ask: Callable[[Target], T], target: Target) -> T:
        """What routing says of a target; one not known here may have been published a moment ago, and its backbone
        added, so the registry is asked."""
        try:
            return ask(target)
        except (TaskUnknown, AliasUnknown, VersionUnknown):
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self.lookups, self.routing.look_up, target.task, target.version)
        except BundleWithoutBackbone:
            await asyncio.get_running_loop().run_in_executor(self.lookups, self.routing.read_backbones)
        return ask(target)

    async def _submit(
        self, groups: Sequence[RequestGroup], files: Sequence[bytes], options: Options
    ) -> list[Work[Ready]]:
        for group in groups:
            self.admission.enter(group.tasks, len(files))
            group.admitted = len(files)
        began_at = self.clock()
        images = await self.reader.prepare(files, [group.preprocessing for group in groups])
        for group in groups:
            group.input_s = self.clock() - began_at
        works = []
        for index, group in enumerate(groups):
            adapters = tuple([await self._ready(resolved) for resolved in group.resolved])
            works.append(_work(group, adapters, [prepared[index] for prepared in images], options))
        for group, work in zip(groups, works, strict=True):
            self.scheduler.submit(work)
            group.submitted = True
            work.future.add_done_callback(partial(self._release, group))
        return works

    async def _ready(self, resolved: ResolvedVersion[Ready]) -> Ready:
        lease, record = resolved.lease, resolved.record
        try:
            adapter = lease.ready.result() if lease.ready.done() else await _loaded(lease.ready)
        except (BackboneNotHere, BackboneDoesNotFit) as failure:
            raise BundleWithoutBackbone(record.task, record.version, str(failure)) from failure
        except NetworkDoesNotFit as failure:
            raise BundleDoesNotFit(record.task, record.version, str(failure)) from failure
        except (NetTailorError, BlobMissing, BlobCorrupt) as failure:
            raise BundleUnusable(record.task, record.version, str(failure)) from failure
        except OSError as failure:  # the blob store is away
            raise BundleUnavailable(record.task, record.version, str(failure)) from failure
        self.metrics.switched(record.task, lease.tier, lease.switch_s)
        return adapter

    def _release(self, group: RequestGroup, _: object = None) -> None:
        for resolved in group.resolved:
            resolved.lease.release()
        if group.admitted:
            self.admission.leave(group.tasks, group.admitted)


async def _loaded(ready: "Future[Ready]") -> Ready:
    """Wait for a load's result. `asyncio.wrap_future` would leave the future a callback that refers to it: a cycle."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def notice(_: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(done.set)

    ready.add_done_callback(notice)
    await done.wait()
    return ready.result()


def _work(
    group: RequestGroup, adapters: tuple[Ready, ...], images: Sequence[NDArray[np.uint8]], options: Options
) -> Work[Ready]:
    return Work(
        tasks=group.tasks,
        versions=tuple(version for _, version in group.versions),
        parts=adapters,
        images=images,
        key=(group.backbone, group.preprocessing.crop),
        top_k=options.top_k,
        priority=options.priority,
        deadline=options.deadline,
    )


def _stage(groups: Collection[RequestGroup]) -> str:
    queued = bool(groups) and all(group.submitted for group in groups)
    return "in the queue or the engine" if queued else "before its bundle and its images were ready"


def _answer(target: ResolvedVersion[Ready], rankings: Sequence[Ranking], outcome: Outcome) -> Answer:
    record, lease = target.record, target.lease
    return Answer(
        task=record.task,
        version=record.version,
        digest=record.digest,
        classes=record.manifest.classes,
        rankings=rankings,
        tier=lease.tier,
        switch_s=lease.switch_s,
        queue_s=outcome.queue_s,
        inference_s=outcome.inference_s,
    )
