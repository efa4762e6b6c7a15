"""The ways this engine runs tasks on a GPU, each with an engine and tasks of its own."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.engine.baselines import Contender, random_images
from benchmarks.workloads.resnet34 import tailored_bundles
from nettailor.network.backbones import Backbone
from server.engine.engine import Answers, Engine, Part
from server.engine.folded import FoldedBundle
from server.engine.ready import Ready
from server.kernels.device import CpuDevice, CudaDevice, Device
from server.kernels.grouped_product import looped_product
from server.kernels.grouping import Grouping

_DISTINCT = 32  # bundles; further tasks have the same numbers, in memory of their own
_SIDE = 72  # that they say they are for; the engine takes images of any
_IN_FLIGHT = 2

Kind = tuple[str, Device]


@dataclass(frozen=True, kw_only=True, eq=False)
class Variant:
    name: str
    engine: Engine
    folded: Sequence[FoldedBundle]
    ready: Sequence[Ready]


def variants(device: str, tasks: int) -> list[Kind]:
    """The one that all are compared with comes first."""
    if device == "cpu":
        grouping = Grouping(slots=tasks, product=looped_product)
        return [
            ("one by one", CpuDevice(winograd=False)),
            ("grouped", CpuDevice(winograd=False, grouping=grouping)),
        ]
    slots = 2 * tasks  # half of them empty, as in service
    return [
        ("one by one", CudaDevice()),
        ("grouped", CudaDevice(slots=slots, recorded="off")),
        ("grouped, graphs of blocks", CudaDevice(slots=slots, recorded="blocks")),
        ("grouped, graph of a pass", CudaDevice(slots=slots, recorded="pass")),
    ]


def packed(kind: Kind, backbone: Backbone, tasks: int) -> Variant:
    name, device = kind
    engine = Engine(backbone, device)
    bundles = tailored_bundles(min(tasks, _DISTINCT), _SIDE, fingerprint=backbone.fingerprint())
    folded = [engine.fold(bundle) for bundle in bundles]
    ready = [engine.upload(folded[index % len(folded)]) for index in range(tasks)]
    return Variant(name=name, engine=engine, folded=folded, ready=ready)


def contenders(ours: Sequence[Variant], side: int, batch: int) -> Iterator[Contender]:
    """Each answers `batch` images, one a task, the next tasks every time; the last variant with two batches in flight
    as well."""
    for one in ours:
        yield _contender(one, side, batch)
    if ours[0].engine.device.place.type == "cuda":
        yield _contender(ours[-1], side, batch, in_flight=_IN_FLIGHT)


def _contender(one: Variant, side: int, batch: int, *, in_flight: int = 1) -> Contender:
    images = random_images(batch, side)
    tasks = itertools.cycle(one.ready)

    def begun() -> Answers:
        chosen = list(itertools.islice(tasks, batch))
        return one.engine.begin(images, [Part(adapter=ready, images=[row]) for row, ready in enumerate(chosen)])

    waiting = [begun() for _ in range(in_flight - 1)]

    def run() -> object:
        waiting.append(begun())
        return waiting.pop(0)()

    name = one.name if in_flight == 1 else f"{one.name}, {in_flight} batches in flight"
    return Contender(name=name, images=batch, run=run)
