"""The engine's end of one link: a front's requests, each a task of the event loop from its reservation to its end."""

import asyncio
import logging
import time
from array import array
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from hosting.telemetry.request_id import request_id
from server.errors import DeadlineExceeded, LinkBroken
from server.link.failures import told
from server.link.frames import Frame, FrameReader, Kind
from server.link.pool import PoolReader
from server.link.reports import Counting, pass_on
from server.link.target_words import target_of
from server.metrics import Metrics
from server.prediction.answer import Answer
from server.prediction.images import Prepared
from server.prediction.inference import Options
from server.prediction.local_inference import LocalInference, LocalReservation

logger = logging.getLogger(__name__)


class EngineParts(Protocol):
    @property
    def inference(self) -> LocalInference: ...


class EngineServer(Protocol):
    """What a session needs of the server in this process."""

    @property
    def metrics(self) -> Metrics: ...

    @property
    def parts(self) -> EngineParts:
        """Raises `NotReady`."""

    def answering(self) -> AbstractContextManager[None]:
        """Raises `NotReady` when draining."""

    def accept_until(self, deadline: float) -> None: ...


class Session(asyncio.Protocol):
    """Only the event loop's thread calls it."""

    def __init__(
        self, server: EngineServer, front: int, pool: PoolReader, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.front = front
        self.clock = clock  # that deadlines are on
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._server = server
        self._pool = pool
        self._reader = FrameReader()
        self._transport: asyncio.Transport | None = None
        self._requests: dict[int, _Request] = {}
        self._reports: dict[int, asyncio.Future[None]] = {}  # that were asked for
        self._last_report = 0

    async def tell(self) -> None:
        """Have the front report what it has counted up to now."""
        self._last_report += 1
        number, self._reports[number] = self._last_report, asyncio.get_running_loop().create_future()
        number = self._last_report
        self.send(Frame(kind=Kind.TELL, request=number))
        try:
            await self._reports[number]
        finally:
            self._reports.pop(number, None)

    def send(self, frame: Frame) -> None:
        assert self._transport is not None
        self._transport.write(frame.encoded())

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvloop's are no subclass
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._reader.feed(data):
                self._hear(frame)
        except LinkBroken as fault:
            logger.error("front %s: %s", self.front, fault)
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The front is gone, and with it whoever waits."""
        for request in list(self._requests.values()):
            request.cancel()
        for report in self._reports.values():
            report.cancel()
        self.closed.set_result(None)

    def close(self) -> None:
        assert self._transport is not None
        self._transport.abort()

    def _hear(self, frame: Frame) -> None:
        """Raises `LinkBroken`."""
        try:
            if frame.kind in (Kind.RESERVE, Kind.COUNT):
                self._begin(frame)
            elif frame.kind is Kind.REPORT:
                self._report(frame)
            elif (request := self._requests.get(frame.request)) is not None:
                request.hear(frame)
        except (KeyError, TypeError, ValueError) as error:  # a document without what its kind has
            raise LinkBroken(f"{frame.kind.name} is malformed: {error!r}") from error

    def _begin(self, frame: Frame) -> None:
        if frame.request in self._requests:
            raise LinkBroken(f"request {frame.request} began twice")
        request = _Request(self, self._server, self._pool, frame)
        self._requests[frame.request] = request
        request.task.add_done_callback(lambda _: self._requests.pop(frame.request))

    def _report(self, frame: Frame) -> None:
        counts: Counting = self._server.metrics
        pass_on(frame.document, counts)
        if frame.request in self._reports and not self._reports[frame.request].done():
            self._reports[frame.request].set_result(None)


class _Request:
    """One request of a front. Its last frame is sent when nobody in this process reads its images any more."""

    def __init__(self, session: Session, server: EngineServer, pool: PoolReader, first: Frame) -> None:
        self._session = session
        self._server = server
        self._pool = pool
        self._number = first.request
        self._reservation: LocalReservation | None = None
        self._is_ending = False
        self._submitted: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        answer = self._count if first.kind is Kind.COUNT else self._predict
        self.task = asyncio.create_task(self._to_the_end(answer, first))

    def cancel(self) -> None:
        """After the task's first step, without which it would never get to its end."""
        asyncio.get_running_loop().call_soon(self._give_up)

    def _give_up(self) -> None:
        if not self._is_ending:  # or what was reserved would not be let go
            self.task.cancel()

    def hear(self, frame: Frame) -> None:
        if frame.kind is Kind.CANCEL:
            self.cancel()
        elif frame.kind is Kind.DESCRIBE and self._reservation is not None:
            digests = set(frame.document["digests"])
            self._send(Kind.DESCRIBED, _described(self._reservation, digests))
        elif frame.kind is Kind.SUBMIT and not self._submitted.done():
            self._submitted.set_result(frame)

    async def _to_the_end(self, answer: Any, first: Frame) -> None:
        try:
            end = await answer(first)
        except asyncio.CancelledError:
            end = Frame(kind=Kind.RELEASED, request=self._number)
        except Exception as failure:  # whatever it is, the front is told, and answers it
            end = self._failed(failure)
        self._is_ending = True
        if self._reservation is not None:
            await self._reservation.settle()
            self._reservation.release()
        if not self._session.closed.done():
            self._session.send(end)

    async def _predict(self, first: Frame) -> Frame:
        document = first.document
        request_id.set(document["id"])
        targets = [target_of(words) for words in document["targets"]]
        with self._server.answering():
            self._server.accept_until(document["deadline"])
            inference = self._server.parts.inference
            self._reservation = await inference.reserve(targets, document["images"], document["deadline"])
            self._send(Kind.RESERVED, _reserved(self._reservation))
            submitted = await self._submission(document["deadline"])
            return await self._run(self._reservation, submitted, document["images"])

    async def _submission(self, deadline: float) -> Frame:
        """What is reserved is let go at the deadline, whether or not a front that stands still says so.

        Raises `DeadlineExceeded`.
        """
        try:
            async with asyncio.timeout(deadline - self._session.clock()):
                return await self._submitted
        except TimeoutError:
            raise DeadlineExceeded("before its images came over the link") from None

    async def _run(self, reservation: LocalReservation, submitted: Frame, count: int) -> Frame:
        document = submitted.document
        images = self._images(reservation, document["begins"], count)
        options = Options(top_k=document["top_k"], priority=document["priority"], deadline=document["deadline"])
        return _answered(self._number, await reservation.run(images, options, document["input_s"]))

    async def _count(self, first: Frame) -> Frame:
        classes = await self._server.parts.inference.class_count(target_of(first.document["target"]))
        return Frame(kind=Kind.COUNTED, request=self._number, document={"classes": classes})

    def _images(self, reservation: LocalReservation, begins: Sequence[int], count: int) -> list[Prepared]:
        """Views into the pool: of each image, one for every group."""
        by_group = [
            self._pool.images(begin, count, group.preprocessing.crop)
            for begin, group in zip(begins, reservation.groups, strict=True)
        ]
        return list(zip(*by_group, strict=True))

    def _send(self, kind: Kind, document: dict[str, Any]) -> None:
        self._session.send(Frame(kind=kind, request=self._number, document=document))

    def _failed(self, failure: Exception) -> Frame:
        document = told(failure)
        if not document["error"]:
            logger.error("a request of front %s failed", self._session.front, exc_info=failure)
        return Frame(kind=Kind.FAILED, request=self._number, document=document)


def _reserved(reservation: LocalReservation) -> dict[str, Any]:
    records = [resolved.record for resolved in reservation.resolved]
    return {
        "versions": [[record.task, record.version, record.digest] for record in records],
        "groups": [group.places for group in reservation.groups],
    }


def _described(reservation: LocalReservation, digests: set[str]) -> dict[str, Any]:
    manifests = {one.record.digest: one.record.manifest for one in reservation.resolved if one.record.digest in digests}
    return {
        digest: {"preprocessing": manifest.preprocessing.model_dump(mode="json"), "classes": list(manifest.classes)}
        for digest, manifest in manifests.items()
    }


def _answered(number: int, answers: Sequence[Answer]) -> Frame:
    words, indices, probabilities = [], array("i"), array("d")
    for answer in answers:
        for ranking in answer.rankings:
            indices.extend(index for index, _ in ranking)
            probabilities.extend(probability for _, probability in ranking)
        counts = len(answer.rankings), len(answer.rankings[0])
        words.append([str(answer.tier), answer.switch_s, answer.queue_s, answer.inference_s, *counts])
    tail = indices.tobytes() + probabilities.tobytes()
    return Frame(kind=Kind.ANSWERED, request=number, document={"answers": words}, tail=tail)
