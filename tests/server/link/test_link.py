"""Both ends of the link, in one process over a real socket: what comes over it is what comes without it."""

import asyncio
import errno
import gc
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from registry.errors import TaskUnknown
from registry.registry import Registry
from server.errors import DeadlineExceeded, EngineLost, ImageRejected, ImagesOversized, NotReady, Overloaded
from server.link import engine_end, front_end, remote_inference
from server.link.board import Board
from server.link.engine_end import EngineEnd
from server.link.failures import told
from server.link.frames import Frame, Kind
from server.link.front_end import FrontEnd
from server.link.handshake import welcome
from server.link.pool import Pool
from server.link.remote_inference import RemoteInference
from server.link.reports import Reports
from server.prediction.answer import Answer
from server.prediction.inference import Options
from server.prediction.predictor import Predictor
from server.prediction.target import Target
from server.service import Service
from tests.server.asking import FILES, publish
from tests.server.held import Held
from tests.server.link.in_a_loop import in_a_loop
from tests.server.running import Running
from tests.waiting import PATIENCE_SECONDS

_POOL_BYTES = 2**20


class Linked:
    """A front's end that is linked to the service of the tests."""

    def __init__(
        self, engine: EngineEnd, front: FrontEnd, reports: Reports, service: Service, connecting: "asyncio.Task[None]"
    ) -> None:
        self.engine, self.front, self.reports, self.service = engine, front, reports, service
        self.connecting = connecting  # cancelled when the front stops
        reader = service.parts.predictor.reader
        self.predictor = Predictor(inference=RemoteInference(front), reader=reader)

    async def predict(self, *names: str, files: list[bytes] = FILES, seconds: float = 30.0) -> list[Answer]:
        deadline = self.predictor.clock() + seconds
        targets = [Target(task=name) for name in names]
        return await self.predictor.predict(targets, files, Options(top_k=3, priority=0, deadline=deadline))

    @property
    def pool(self) -> Pool:
        return self.front.connection.pool

    async def is_quiet(self) -> None:
        """Wait until nothing is held for anybody, at either end."""
        admission = self.service.parts.admission
        await _until(lambda: not admission.under_way and not self.service.under_way)
        await _until(lambda: not self.front.is_up or not self.front.connection.exchanges)
        await _until(lambda: not any(row.users for row in self.service.parts.residency.table()))


async def _until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.005)  # between looks at the condition, not instead of one


async def _turns() -> None:
    """Let all that can go on."""
    for _ in range(5):
        await asyncio.sleep(0)


@asynccontextmanager
async def linked(
    service: Service, folder: Path, *, pool_bytes: int = _POOL_BYTES, clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[Linked]:
    board = Board()
    service.parts.admission.changed = board.show
    engine = EngineEnd(folder / "link.sock", service, board, clock=clock)
    reports = Reports()
    front = FrontEnd(folder / "link.sock", number=1, pool_bytes=pool_bytes, reports=reports)
    await engine.start()
    connecting = asyncio.create_task(front.keep_connected())
    try:
        await _until(lambda: front.is_up)
        yield Linked(engine, front, reports, service, connecting)
    finally:
        connecting.cancel()
        await asyncio.wait([connecting])
        await engine.stop()
        service.parts.admission.changed = None


@in_a_loop
async def test_answers_are_those_of_the_engine_s_own_process(stocked_server: Running, tmp_path: Path) -> None:
    service = stocked_server.service
    async with linked(service, tmp_path) as link:
        for names in (["signs"], ["flowers", "signs"], ["signs", "flowers"]):
            found = await link.predict(*names)
            options = Options(top_k=3, priority=0, deadline=service.parts.predictor.clock() + 30)
            expected = await service.parts.predictor.predict([Target(task=name) for name in names], FILES, options)
            for one, other in zip(found, expected, strict=True):
                assert (one.task, one.version, one.digest, one.classes) == (
                    other.task,
                    other.version,
                    other.digest,
                    tuple(other.classes),
                )
                _assert_alike(one, other)
        assert await link.predictor.inference.class_count(Target(task="flowers")) == 3
        await link.is_quiet()


def _assert_alike(one: Answer, other: Answer) -> None:
    for ranking, expected in zip(one.rankings, other.rankings, strict=True):
        assert [index for index, _ in ranking] == [index for index, _ in expected]
        np.testing.assert_allclose([share for _, share in ranking], [share for _, share in expected], atol=1e-6)


@in_a_loop
async def test_what_the_engine_refuses_is_raised_and_nothing_is_held(stocked_server: Running, tmp_path: Path) -> None:
    async with linked(stocked_server.service, tmp_path) as link:
        with pytest.raises(TaskUnknown):
            await link.predict("signs", "nothing")
        with pytest.raises(TaskUnknown):
            await link.predictor.inference.class_count(Target(task="nothing"))
        with pytest.raises(ImageRejected):
            await link.predict("signs", files=[b"no image"])
        with pytest.raises(DeadlineExceeded):
            await link.predict("signs", seconds=0.0001)
        await link.is_quiet()
        assert len(await link.predict("signs")) == 1


@in_a_loop
async def test_what_is_larger_than_the_pool_is_refused(stocked_server: Running, tmp_path: Path) -> None:
    async with linked(stocked_server.service, tmp_path, pool_bytes=8192) as link:
        with pytest.raises(ImagesOversized):
            await link.predict("signs")
        assert len(await link.predict("signs", files=FILES[:1])) == 1
        await link.is_quiet()


@in_a_loop
async def test_many_requests_share_a_small_pool(stocked_server: Running, tmp_path: Path) -> None:
    async with linked(stocked_server.service, tmp_path, pool_bytes=3 * 4096) as link:
        found = await asyncio.gather(*(link.predict("signs", files=FILES[at % 3 :][:1]) for at in range(20)))
        for at, [answer] in enumerate(found):
            [expected] = await link.predict("signs", files=FILES[at % 3 :][:1])
            _assert_alike(answer, expected)
        await link.is_quiet()


def _held_writes(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> Held:
    """Nothing is written into the pool until that lets go."""
    write = Held(pool.write, lambda begin: True)
    monkeypatch.setattr(pool, "write", lambda begin, images: write(begin, images=images))
    return write


@in_a_loop
async def test_a_slot_is_nobody_else_s_while_the_engine_may_read_it(
    stocked_server: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who gives up while a batch runs has its slot until the batch has run."""
    scheduler = stocked_server.service.parts.scheduler
    run = Held(scheduler._runner, lambda batch: True)
    monkeypatch.setattr(scheduler, "_runner", run)
    async with linked(stocked_server.service, tmp_path) as link:
        asked = asyncio.create_task(link.predict("signs"))
        await _until(run.began.is_set)
        pool = link.pool
        asked.cancel()
        await asyncio.wait([asked])
        assert not pool._slots.is_empty
        run.go.set()
        await link.is_quiet()
        assert pool._slots.is_empty


@in_a_loop
async def test_a_slot_is_nobody_else_s_while_a_thread_writes_into_it(
    stocked_server: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where a request is given up twice, as by its deadline and by a client that goes."""
    monkeypatch.setattr(remote_inference, "_LARGE_BYTES", 0)
    async with linked(stocked_server.service, tmp_path) as link:
        pool = link.pool
        write = _held_writes(pool, monkeypatch)
        asked = asyncio.create_task(link.predict("signs"))
        await _until(write.began.is_set)
        for _ in range(2):
            asked.cancel()
            await _turns()
        assert not asked.done()
        assert not pool._slots.is_empty
        write.go.set()
        await asyncio.wait([asked])
        assert asked.cancelled()
        await link.is_quiet()
        assert pool._slots.is_empty


@in_a_loop
async def test_what_a_front_that_stands_still_has_reserved_is_taken_back_at_the_deadline(
    stocked_server: Running, tmp_path: Path
) -> None:
    service, ahead_s = stocked_server.service, [0.0]
    async with linked(service, tmp_path, clock=lambda: time.monotonic() + ahead_s[0]) as link:
        await link.predict("signs")  # so that the front knows what it is to send
        ahead_s[0] = 60.0
        pool, deadline = link.pool, time.monotonic() + 30
        reservation = await link.predictor.inference.reserve([Target(task="signs")], 1, deadline)
        await link.is_quiet()
        images = await link.predictor.reader.prepare(FILES[:1], [group.preprocessing for group in reservation.groups])
        options = Options(top_k=1, priority=0, deadline=deadline)
        with pytest.raises(DeadlineExceeded, match="before its images came over the link"):
            await reservation.run(images, options, 0.0)
        reservation.release()
        assert pool._slots.is_empty


@in_a_loop
async def test_one_that_comes_late_has_its_slot_until_its_thread_has_written(
    stocked_server: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_inference, "_LARGE_BYTES", 0)
    async with linked(stocked_server.service, tmp_path) as link:
        pool, connection = link.pool, link.front.connection
        write = _held_writes(pool, monkeypatch)
        asked = asyncio.create_task(link.predict("signs"))
        await _until(write.began.is_set)
        [number] = connection.exchanges
        late = told(DeadlineExceeded("before its images came over the link"))
        connection._hear(Frame(kind=Kind.FAILED, request=number, document=late))
        assert not pool._slots.is_empty
        write.go.set()
        with pytest.raises(DeadlineExceeded, match="over the link"):
            await asked
        assert pool._slots.is_empty
        connection.send(Frame(kind=Kind.CANCEL, request=number))  # the engine did not say so
        await link.is_quiet()


@in_a_loop
async def test_a_request_that_is_given_up_at_once_has_an_end(stocked_server: Running, tmp_path: Path) -> None:
    """Its first word and its last one are read together, before the engine has begun with it."""
    async with linked(stocked_server.service, tmp_path) as link:
        connection = link.front.connection
        exchange = connection.exchange()
        asked = {"id": None, "targets": [["signs", "live", None]], "images": 1, "deadline": link.predictor.clock() + 30}
        connection.send(Frame(kind=Kind.RESERVE, request=connection._last, document=asked))
        exchange.leave()
        await link.is_quiet()


@in_a_loop
async def test_whoever_has_asked_an_engine_that_goes_is_told(
    stocked_server: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = stocked_server.service.parts.scheduler
    run = Held(scheduler._runner, lambda batch: True)
    monkeypatch.setattr(scheduler, "_runner", run)
    async with linked(stocked_server.service, tmp_path) as link:
        asked = asyncio.create_task(link.predict("signs"))
        await _until(run.began.is_set)
        pool = link.pool
        await link.engine.stop()
        with pytest.raises(EngineLost):
            await asked
        with pytest.raises(NotReady, match="without its engine"):
            await link.predict("signs")
        run.go.set()
        await link.is_quiet()
        await link.engine.start()
        await _until(lambda: link.front.is_up)
        assert link.pool is not pool  # the old one may still be read
        assert len(await link.predict("signs")) == 1


@in_a_loop
async def test_a_front_that_goes_leaves_nothing_behind(
    stocked_server: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = stocked_server.service.parts.scheduler
    run = Held(scheduler._runner, lambda batch: True)
    monkeypatch.setattr(scheduler, "_runner", run)
    async with linked(stocked_server.service, tmp_path) as link:
        running = asyncio.create_task(link.predict("signs"))
        await _until(run.began.is_set)
        waiting = asyncio.create_task(link.predict("flowers"))
        await _until(lambda: stocked_server.service.parts.admission.under_way == 2 * len(FILES))
        link.front.connection.close()
        for asked in (running, waiting):
            with pytest.raises(EngineLost):
                await asked
        await _until(lambda: stocked_server.service.parts.admission.under_way == len(FILES))  # what runs, for nobody
        run.go.set()
        await link.is_quiet()


@in_a_loop
async def test_ends_that_had_no_descriptors_for_a_moment_find_each_other(
    stocked_server: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    pools, accepted = Scarce(Pool), Scarce(loop.sock_accept)
    monkeypatch.setattr(engine_end, "_PAUSE_S", 0.01)
    async with linked(stocked_server.service, tmp_path) as link:
        monkeypatch.setattr(front_end, "Pool", pools)
        monkeypatch.setattr(loop, "sock_accept", accepted)
        for _ in range(2):  # the first is let in by what was waited for already
            pool = link.pool
            link.front.connection.close()
            await _until(lambda pool=pool: link.front.is_up and link.pool is not pool)
        assert pools.refused == accepted.refused == 1
        assert len(await link.predict("signs")) == 1


@in_a_loop
async def test_who_stops_while_a_front_is_let_in_leaves_no_open_socket(
    stocked_server: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor a warning of one, which fails a test."""
    welcomed = Held(welcome, lambda peer: True)
    monkeypatch.setattr(engine_end, "welcome", lambda peer, board: welcomed(peer, board=board))
    engine = EngineEnd(tmp_path / "link.sock", stocked_server.service, Board())
    front = FrontEnd(tmp_path / "link.sock", number=1, pool_bytes=_POOL_BYTES, reports=Reports())
    await engine.start()
    connecting = asyncio.create_task(front.keep_connected())
    await _until(welcomed.began.is_set)
    await engine.stop()
    connecting.cancel()
    await asyncio.wait([connecting])
    welcomed.go.set()
    gc.collect()


class Scarce:
    """A function that opens a file, and fails the first time."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.refused = 0

    def __call__(self, *arguments: Any) -> Any:
        if not self.refused:
            self.refused = 1
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return self._function(*arguments)


@in_a_loop
async def test_who_was_answered_as_the_engine_went_is_counted(
    stocked_server: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front_end, "_REPORT_S", 0.0)
    async with linked(stocked_server.service, tmp_path) as link:
        connection = link.front.connection
        await _until(lambda: connection._timer is None)  # nothing is left to report
        asking = asyncio.create_task(connection.exchange().ask(Kind.DESCRIBE, {}))  # of nothing, which is not answered
        asking.add_done_callback(lambda _: link.reports.answered(["flowers"], 416, 0.1))
        await _turns()
        connection.close()
        with pytest.raises(EngineLost):
            await asking
        labels = {"task": "flowers", "code": "416"}
        metrics = stocked_server.service.metrics.registry
        await _until(lambda: metrics.get_sample_value("nettailor_requests_total", labels) == 1.0)


@in_a_loop
async def test_a_front_refuses_by_itself_once_the_engine_is_full(stocked_server: Running, tmp_path: Path) -> None:
    admission = stocked_server.service.parts.admission
    async with linked(stocked_server.service, tmp_path) as link:
        link.predictor.check_room(["signs"])
        admission.enter(("signs",), stocked_server.service.settings.queue_bound_per_task)
        try:
            with pytest.raises(Overloaded):
                link.predictor.check_room(["signs"])
        finally:
            admission.leave(("signs",), stocked_server.service.settings.queue_bound_per_task)


@in_a_loop
async def test_reports_come_when_they_are_asked_for(stocked_server: Running, tmp_path: Path) -> None:
    service = stocked_server.service
    metrics = service.metrics
    async with linked(service, tmp_path) as link:
        link.reports.answered(["flowers"], 418, 0.1)
        await link.engine.gather_reports()
        count = metrics.registry.get_sample_value("nettailor_requests_total", {"task": "flowers", "code": "418"})
        assert count == 1.0


@in_a_loop
async def test_a_front_that_stops_reports_what_is_left(stocked_server: Running, tmp_path: Path) -> None:
    metrics = stocked_server.service.metrics
    async with linked(stocked_server.service, tmp_path) as link:
        link.reports.answered(["flowers"], 417, 0.1)
        link.connecting.cancel()
        labels = {"task": "flowers", "code": "417"}
        await _until(lambda: metrics.registry.get_sample_value("nettailor_requests_total", labels) == 1.0)
        await _until(lambda: not link.engine.fronts)


@in_a_loop
async def test_a_new_version_is_asked_about_once(stocked_server: Running, stocked: Registry, tmp_path: Path) -> None:
    publish(stocked, "trees", seed=9, classes=4)
    async with linked(stocked_server.service, tmp_path) as link:
        for _ in range(2):
            [answer] = await link.predict("trees")
            assert len(answer.classes) == 4
        assert len(link.front.described) == 1
