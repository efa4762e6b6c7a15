"""Inference in this process: names become leased bundles, prepared images wait for the engine."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

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
from server.prediction.deliveries import result_of
from server.prediction.images import Prepared
from server.prediction.inference import Group, Options, Version
from server.prediction.routing import ResolvedVersion, Routing
from server.prediction.target import Target
from server.scheduling.admission import Admission
from server.scheduling.scheduler import Scheduler
from server.scheduling.work import BatchKey, Outcome, Ranking, Work
from server.statistics import Answered, Statistics

T = TypeVar("T")


@dataclass(kw_only=True, eq=False)
class RequestGroup:
    """A group of one request's targets. It holds leases of their bundles, and room in the queue, until the answers are
    there."""

    backbone: str  # its fingerprint
    preprocessing: Preprocessing
    places: list[int] = field(default_factory=list)  # of its targets within the request
    resolved: list[ResolvedVersion[Ready]] = field(default_factory=list)
    admitted: int = 0  # images
    submitted: bool = False

    @property
    def versions(self) -> tuple[Version, ...]:
        return tuple((target.record.task, target.record.version) for target in self.resolved)

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(target.record.task for target in self.resolved)

    @property
    def told(self) -> Group:
        return Group(preprocessing=self.preprocessing, places=tuple(self.places), versions=self.versions)

    def add(self, place: int, target: ResolvedVersion[Ready]) -> None:
        self.places.append(place)
        self.resolved.append(target)

    def answers(self, outcome: Outcome) -> list[tuple[int, Answer]]:
        """Each with its target's place within the request."""
        return [
            (place, _answer(target, [rankings[part] for rankings in outcome.rankings], outcome))
            for part, (place, target) in enumerate(zip(self.places, self.resolved, strict=True))
        ]


@dataclass(frozen=True, kw_only=True, eq=False)
class LocalInference:
    routing: "Routing[Any, Ready]"
    admission: Admission
    scheduler: Scheduler[Ready]
    metrics: Metrics
    statistics: Statistics
    lookups: Executor  # for questions to the registry
    clock: Callable[[], float] = time.monotonic

    def check_room(self, tasks: Sequence[str]) -> None:
        """Raises `Overloaded`."""
        self.admission.check(tasks)

    async def reserve(self, targets: Sequence[Target], images: int, deadline: float) -> "LocalReservation":
        """As `Inference.reserve`; a bundle that is missed begins to load here, beside all that follows."""
        reservation = LocalReservation(self)
        try:
            for place, target in enumerate(targets):
                reservation.add(place, await self._asked(self.routing.resolve, target))
            reservation.enter(images)
        except BaseException:  # whatever it was, nothing stays leased or counted
            reservation.release()
            raise
        return reservation

    async def class_count(self, target: Target) -> int:
        return len((await self.record(target)).manifest.classes)

    async def record(self, target: Target) -> VersionRecord:
        """What would answer for a target. Raises what `reserve` raises of names."""
        return await self._asked(self.routing.record, target)

    async def load(self, target: Target, deadline: float) -> None:
        """Make what a name leads to ready, and keep whatever it leads to ready from now on.

        Raises what `record` and `Reservation.run` raise, before they look at images.
        """
        resolved = await self._asked(self.routing.load, target)
        try:
            async with asyncio.timeout(deadline - self.clock()):
                await self.ready(resolved)
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

    async def ready(self, resolved: ResolvedVersion[Ready]) -> Ready:
        """A leased bundle, once it is loaded. Raises `BundleUnusable`, `BundleUnavailable`."""
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


class LocalReservation:
    """Leases of bundles and room in the queue, for one request."""

    def __init__(self, inference: LocalInference) -> None:
        self._inference = inference
        self._began_at = inference.clock()
        self._by_needs: dict[tuple[str, Preprocessing], RequestGroup] = {}
        self._works: list[Work[Ready]] = []
        self._is_answered = False

    @property
    def resolved(self) -> list[ResolvedVersion[Ready]]:
        """Of the targets, in the request's order."""
        found = {place: one for group in self._groups for place, one in zip(group.places, group.resolved, strict=True)}
        return [found[place] for place in sorted(found)]

    @property
    def groups(self) -> list[Group]:
        return [group.told for group in self._groups]

    @property
    def is_submitted(self) -> bool:
        return all(group.submitted for group in self._groups)

    def add(self, place: int, resolved: ResolvedVersion[Ready]) -> None:
        manifest = resolved.record.manifest
        backbone, preprocessing = manifest.backbone.fingerprint, manifest.preprocessing
        group = RequestGroup(backbone=backbone, preprocessing=preprocessing)
        self._by_needs.setdefault((backbone, preprocessing), group).add(place, resolved)

    def enter(self, images: int) -> None:
        """Count so many images for every target as under way. Raises `Overloaded`."""
        for group in self._groups:
            self._inference.admission.enter(group.tasks, images)
            group.admitted = images

    async def run(self, images: Sequence[Prepared], options: Options, input_s: float) -> list[Answer]:
        works = []
        for index, group in enumerate(self._groups):
            adapters = tuple([await self._inference.ready(resolved) for resolved in group.resolved])
            works.append(_work(group, adapters, [prepared[index] for prepared in images], options))
        for group, work in zip(self._groups, works, strict=True):
            self._inference.scheduler.submit(work)
            self._works.append(work)
            group.submitted = True
            work.future.add_done_callback(partial(self._let_go, group))
        # Giving up takes what has not begun out of the queue; what runs is let finish, for nobody.
        if len(works) == 1:
            return self._answers([await result_of(works[0].future)], input_s)
        outcomes = await asyncio.gather(*(asyncio.wrap_future(work.future) for work in works))
        return self._answers(outcomes, input_s)

    async def settle(self) -> None:
        """Take out of the queue what has not begun, and wait for what runs: after that nobody reads the images."""
        running = [asyncio.wrap_future(work.future) for work in self._works if not work.future.cancel()]
        await asyncio.gather(*running, return_exceptions=True)

    def release(self) -> None:
        self._works.clear()  # whose futures refer to this reservation
        for group in self._groups:
            if not group.submitted:
                self._let_go(group)
        if not self._is_answered:
            versions = [version for group in self._groups for version in group.versions]
            self._inference.statistics.failed(versions, self._elapsed_s)

    @property
    def _groups(self) -> list[RequestGroup]:
        return list(self._by_needs.values())

    @property
    def _elapsed_s(self) -> float:
        return self._inference.clock() - self._began_at

    def _answers(self, outcomes: Sequence[Outcome], input_s: float) -> list[Answer]:
        """The groups' answers in the order of the request's targets."""
        self._is_answered = True
        total_s, found = self._elapsed_s, dict[int, Answer]()
        for group, outcome in zip(self._groups, outcomes, strict=True):
            for place, answer in group.answers(outcome):
                found[place] = answer
                self._inference.metrics.queued(answer.task, outcome.queue_s)
                times = Answered(
                    total_s=total_s,
                    queue_s=answer.switch_s + outcome.queue_s,
                    input_s=input_s,
                    inference_s=outcome.inference_s,
                )
                self._inference.statistics.answered((answer.task, answer.version), times)
        return [found[place] for place in sorted(found)]

    def _let_go(self, group: RequestGroup, _: object = None) -> None:
        for resolved in group.resolved:
            resolved.lease.release()
        if group.admitted:
            self._inference.admission.leave(group.tasks, group.admitted)


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
        key=BatchKey(group.backbone, group.preprocessing.crop),
        top_k=options.top_k,
        priority=options.priority,
        deadline=options.deadline,
    )


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
