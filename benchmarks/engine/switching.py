"""What it costs to change tasks, in `benchmarks.engine`: from disk, and beyond the device's room."""

import itertools
import queue
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.engine.baselines import random_images
from benchmarks.measuring.ratios import Ratio, paired_ratio
from benchmarks.measuring.rounds import paired_rounds, seconds_each
from benchmarks.workloads.resnet34 import BACKBONE
from nettailor.bundle.bundle import Bundle
from nettailor.network.backbones import uncut_network
from server.engine.engine import Engine, Part
from server.engine.folded import FoldedBundle, to_bytes
from server.engine.loading import BundleLoader
from server.engine.ready import Ready
from server.prediction.batch_runner import Runner
from server.residency.backbones import Backbones
from server.residency.disk import DiskCache
from server.residency.residency import Lease, Residency
from server.residency.tiers import Budgets, BundleId, Tier
from server.scheduling.queues import FairQueues
from server.scheduling.scheduler import Scheduler
from server.scheduling.work import BatchKey, Work

_CLIENTS = 32  # that wait for their answer before they ask again
_FOREVER = 3600.0


@dataclass(frozen=True, kw_only=True)
class DiskSwitch:
    """Seconds, one a round."""

    to_ready: list[float]
    to_output: list[float]
    floor: list[float]  # the file read, its bytes copied once, and the same inference
    full_load: list[float]  # torch.load and load_state_dict of a full model

    @property
    def vs_floor(self) -> Ratio:
        return paired_ratio(self.to_output, self.floor)

    @property
    def vs_full_load(self) -> Ratio:
        return paired_ratio(self.full_load, self.to_ready)


def disk_switch(engine: Engine, bundles: Sequence[Bundle], rounds: int) -> DiskSwitch:
    """Every round switches to each task once, on the path of a request; the room on the device is for one bundle."""
    images = random_images(1, bundles[0].manifest.preprocessing.crop)
    with tempfile.TemporaryDirectory() as name, _residency(engine, bundles, Path(name), room=1) as (residency, ids):
        files = sorted(path for path in Path(name).iterdir() if path.is_file())
        network = uncut_network(BACKBONE)
        checkpoint = Path(name) / "full.pt"
        torch.save(network.state_dict(), checkpoint)
        adapter = engine.pack(bundles[0])

        def ready() -> None:
            for id in ids:
                _ready(residency.acquire(id), expected=Tier.DISK)

        def output() -> None:
            for id in ids:
                lease = residency.acquire(id)
                engine.forward(images, [Part(adapter=lease.ready.result(), images=[0])])
                lease.release()

        def floor() -> None:
            for path in files:
                np.fromfile(path, np.uint8).copy()
                engine.forward(images, [Part(adapter=adapter, images=[0])])

        def full_load() -> None:
            network.load_state_dict(torch.load(checkpoint, weights_only=True))

        values = paired_rounds(
            {
                "ready": lambda: seconds_each([ready], 1) / len(ids),
                "output": lambda: seconds_each([output], 1) / len(ids),
                "floor": lambda: seconds_each([floor], 1) / len(files),
                "full": lambda: seconds_each([full_load], 3),
            },
            rounds,
        )
    return DiskSwitch(
        to_ready=values["ready"], to_output=values["output"], floor=values["floor"], full_load=values["full"]
    )


def cliff(engine: Engine, bundles: Sequence[Bundle], batch: int, rounds: int, seconds: float) -> Ratio:
    """Throughput with room on the device for a quarter of the tasks over throughput with room for all, both through
    residency and scheduler, tasks drawn evenly."""
    side = bundles[0].manifest.preprocessing.crop
    with (
        tempfile.TemporaryDirectory() as folder,
        _residency(engine, bundles, Path(folder) / "scarce", room=len(bundles) // 4) as (scarce, ids),
        _residency(engine, bundles, Path(folder) / "ample", room=2 * len(bundles)) as (ample, _),
    ):
        few, all_ = (_Clients(engine, residency, ids, side) for residency in (scarce, ample))
        values = paired_rounds(
            {"scarce": lambda: few.rate(batch, seconds), "ample": lambda: all_.rate(batch, seconds)}, rounds
        )
    return paired_ratio(values["scarce"], values["ample"])


class _NobodyWatches:
    """An observer of residency and scheduler that takes no notes."""

    def looked_up(self, tier: Tier) -> None: ...

    def evicted(self, tier: Tier) -> None: ...

    def load_failed(self, failure: BaseException) -> None: ...

    def batch_ran(self, **figures: Any) -> None: ...


@contextmanager
def _residency(
    engine: Engine, bundles: Sequence[Bundle], folder: Path, *, room: int
) -> Iterator[tuple[Residency[FoldedBundle, Ready], list[BundleId]]]:
    """Every bundle in the disk tier, the largest `room` of them fit on the device."""
    folded = [engine.fold(bundle) for bundle in bundles]
    disk = DiskCache(folder, budget_bytes=1 << 40)
    disk.open()
    ids = [BundleId(task=b.manifest.task, version=1, digest=b.digest) for b in bundles]
    for id, form in zip(ids, folded, strict=True):
        disk.write(id, to_bytes(form))
    with ThreadPoolExecutor(4) as loads:
        residency = Residency(
            loader=BundleLoader(_no_registry, Backbones(engine, BACKBONE)),
            disk=disk,
            budgets=Budgets(device_bytes=room * max(form.size_bytes for form in folded), host_bytes=0),
            executor=loads,
            observer=_NobodyWatches(),
        )
        yield residency, ids


def _no_registry(digest: str) -> bytes:
    raise AssertionError(f"{digest} is in the disk tier")


def _ready(lease: "Lease[Ready]", *, expected: Tier) -> None:
    lease.ready.result()
    assert lease.tier in (expected, Tier.DEVICE)
    lease.release()


class _Clients:
    """`_CLIENTS` requests always under way, each of one image for a task drawn evenly."""

    def __init__(
        self, engine: Engine, residency: Residency[FoldedBundle, Ready], ids: Sequence[BundleId], side: int
    ) -> None:
        self._engine, self._residency, self._ids, self._side = engine, residency, ids, side
        self._image = random_images(1, side)[0]
        self._generator = random.Random(0)
        self._done: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        self._numbers = itertools.count()
        self._leases: dict[int, Lease[Ready]] = {}  # not in the callbacks: a lease that refers to itself stays

    def rate(self, batch: int, seconds: float) -> float:
        """Images a second."""
        queues: FairQueues[Ready] = FairQueues(max_rows=batch, max_wait_s=0.002)
        scheduler: Scheduler[Ready] = Scheduler(queues, Runner(Backbones(self._engine, BACKBONE)), _NobodyWatches())
        scheduler.start()
        answered, start = 0, time.perf_counter()
        for _ in range(_CLIENTS):
            self._ask(scheduler)
        while (elapsed := time.perf_counter() - start) < seconds:
            if failure := self._done.get():
                raise failure
            answered += 1
            self._ask(scheduler)
        for _ in range(_CLIENTS):
            self._done.get()
        scheduler.stop()
        return answered / elapsed

    def _ask(self, scheduler: Scheduler[Ready]) -> None:
        id = self._generator.choice(self._ids)
        lease = self._residency.acquire(id)
        number = next(self._numbers)
        self._leases[number] = lease

        def submit(ready: "Future[Ready]") -> None:
            if failure := ready.exception():
                self._done.put(failure)
                return
            work = Work(
                tasks=(id.task,),
                versions=(id.version,),
                parts=(ready.result(),),
                images=[self._image],
                key=BatchKey("backbone", self._side),
                top_k=1,
                priority=0,
                deadline=time.monotonic() + _FOREVER,
            )
            work.future.add_done_callback(answered)
            scheduler.submit(work)

        def answered(_: object) -> None:
            self._leases.pop(number).release()
            self._done.put(None)

        lease.ready.add_done_callback(submit)
