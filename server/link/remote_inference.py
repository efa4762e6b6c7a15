"""Inference in another process, over the link (torch-free)."""

import asyncio
import contextlib
from array import array
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hosting.telemetry.request_id import request_id
from nettailor.bundle.preprocessing import Preprocessing
from server.errors import ImagesOversized
from server.link.frames import Frame, Kind
from server.link.front_end import Described, Exchange, FrontEnd
from server.link.target_words import target_words
from server.prediction.answer import Answer
from server.prediction.images import Prepared
from server.prediction.inference import Group, Options
from server.prediction.target import Target
from server.residency.tiers import Tier
from server.scheduling.work import Ranking

_CHANNELS = 3
_LARGE_BYTES = 2**20  # of images that are copied in a thread


class RemoteInference:
    def __init__(self, front_end: FrontEnd) -> None:
        self._front_end = front_end

    def check_room(self, tasks: Sequence[str]) -> None:
        """Raises `Overloaded`, `NotReady`."""
        self._front_end.connection.board.check(tasks)

    async def reserve(self, targets: Sequence[Target], images: int, deadline: float) -> "RemoteReservation":
        exchange = self._front_end.connection.exchange()
        try:
            document = {
                "id": request_id.get(),
                "targets": [target_words(target) for target in targets],
                "images": images,
                "deadline": deadline,
            }
            reserved = await exchange.ask(Kind.RESERVE, document)
            versions = [(task, version, digest) for task, version, digest in reserved.document["versions"]]
            described = await self._described(exchange, [digest for _, _, digest in versions])
        except BaseException:  # whatever it was, the engine must not hold anything for it
            exchange.leave()
            raise
        return RemoteReservation(exchange, versions, described, reserved.document["groups"])

    async def class_count(self, target: Target) -> int:
        exchange = self._front_end.connection.exchange()
        try:
            counted = await exchange.ask(Kind.COUNT, {"target": target_words(target)})
        except asyncio.CancelledError:
            exchange.leave()
            raise
        return int(counted.document["classes"])

    async def _described(self, exchange: Exchange, digests: Sequence[str]) -> list[Described]:
        known = self._front_end.described
        found = {digest: known[digest] for digest in digests if digest in known}
        if missing := [digest for digest in dict.fromkeys(digests) if digest not in found]:
            told = await exchange.ask(Kind.DESCRIBE, {"digests": missing})
            for digest, words in told.document.items():
                preprocessing = Preprocessing.model_validate(words["preprocessing"])
                found[digest] = Described(preprocessing=preprocessing, classes=tuple(words["classes"]))
                self._front_end.remember(digest, found[digest])
        for digest in found:
            if digest in known:  # so many may be new that it is forgotten already
                known.move_to_end(digest)
        return [found[digest] for digest in digests]


class RemoteReservation:
    def __init__(
        self,
        exchange: Exchange,
        versions: Sequence[tuple[str, int, str]],
        described: Sequence[Described],
        groups: Sequence[Sequence[int]],
    ) -> None:
        self.is_submitted = False
        self._exchange = exchange
        self._versions = versions  # task, number and digest of each target's
        self._described = described  # of each target's version
        self.groups = [
            Group(
                preprocessing=described[places[0]].preprocessing,
                places=tuple(places),
                versions=tuple(versions[place][:2] for place in places),
            )
            for places in groups
        ]

    async def run(self, images: Sequence[Prepared], options: Options, input_s: float) -> list[Answer]:
        begins = await self._place(images)
        self.is_submitted = True
        answered = await self._exchange.ask(
            Kind.SUBMIT,
            {
                "begins": begins,
                "top_k": options.top_k,
                "priority": options.priority,
                "deadline": options.deadline,
                "input_s": input_s,
            },
        )
        return self._answers(answered)

    def release(self) -> None:
        self._exchange.leave()

    async def _place(self, images: Sequence[Prepared]) -> list[int]:
        """Put the images into the pool; where those of each group begin. Raises `ImagesOversized`, `DeadlineExceeded`,
        `EngineLost`."""
        sizes = [len(images) * _bytes_of(group.preprocessing) for group in self.groups]
        self._check_fits(sum(sizes), len(images))
        slot = await self._exchange.take_slot(sum(sizes))
        begins = [slot + sum(sizes[:index]) for index in range(len(sizes))]
        by_group = [[prepared[index] for prepared in images] for index in range(len(sizes))]
        try:
            if sum(sizes) <= _LARGE_BYTES:
                self._write(begins, by_group)
            else:
                await _to_the_end(asyncio.get_running_loop().run_in_executor(None, self._write, begins, by_group))
        finally:
            self._exchange.written()
        return begins

    def _check_fits(self, size_bytes: int, images: int) -> None:
        limit_bytes = self._exchange.pool.size_bytes
        if size_bytes > limit_bytes:
            pixels = size_bytes // _CHANNELS
            raise ImagesOversized(images - 1, pixels=pixels, limit_pixels=limit_bytes // _CHANNELS)

    def _write(self, begins: Sequence[int], by_group: Sequence[Sequence[NDArray[np.uint8]]]) -> None:
        for begin, images in zip(begins, by_group, strict=True):
            self._exchange.pool.write(begin, images)

    def _answers(self, answered: Frame) -> list[Answer]:
        tail = _Tail(answered)
        return [
            Answer(
                task=task,
                version=version,
                digest=digest,
                classes=described.classes,
                rankings=tail.rankings(images, length),
                tier=Tier(tier),
                switch_s=switch_s,
                queue_s=queue_s,
                inference_s=inference_s,
            )
            for (task, version, digest), described, (tier, switch_s, queue_s, inference_s, images, length) in zip(
                self._versions, self._described, answered.document["answers"], strict=True
            )
        ]


class _Tail:
    """Reads the rankings of an ANSWERED, one answer after the other."""

    def __init__(self, answered: Frame) -> None:
        count = sum(images * length for *_, images, length in answered.document["answers"])
        self._indices, self._probabilities = array("i"), array("d")
        middle = count * self._indices.itemsize
        self._indices.frombytes(answered.tail[:middle])
        self._probabilities.frombytes(answered.tail[middle:])
        self._place = 0

    def rankings(self, images: int, length: int) -> list[Ranking]:
        return [self._ranking(length) for _ in range(images)]

    def _ranking(self, length: int) -> Ranking:
        begin, self._place = self._place, self._place + length
        part = slice(begin, self._place)
        return list(zip(self._indices[part], self._probabilities[part], strict=True))


async def _to_the_end(writing: "asyncio.Future[None]") -> None:
    """Wait for it even when cancelled, and once more, as by a deadline and then by a client that goes: the slot must
    not become somebody else's while a thread writes into it."""
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        while not writing.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([writing])
        raise


def _bytes_of(preprocessing: Preprocessing) -> int:
    return _CHANNELS * preprocessing.crop**2
