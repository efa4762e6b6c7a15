"""What HTTP costs the server beyond its engine, in `benchmarks.http`.

That is what the server's process burns a request, less what the engine alone burns an image in the same round:
`Engine.begin` in this process, over mixed batches of the mean size that the server ran, with as many threads, in all
lanes at once. The server's own `nettailor_inference_seconds` cannot serve for it: it is time by the clock, while the
event loop and the decoders run too. So what these cost each other counts as overhead: the interpreter's lock, caches, a
thread of the engine that spins for another that was put off the processor.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.engine import baselines
from benchmarks.engine.baselines import Contender
from benchmarks.measuring.processes import Served
from nettailor.bundle.bundle import Bundle
from server.engine.engine import Engine

_SETTLE_S = 0.2


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What a server has used and done so far."""

    cpu_s: float
    images: float
    batches: float


@dataclass(frozen=True, kw_only=True)
class Overhead:
    server_ms: float  # CPU milliseconds a request
    engine_ms: float
    batch: float  # mean images of the server's batches

    @property
    def beyond_engine_ms(self) -> float:
        return self.server_ms - self.engine_ms


class EngineAlone:
    """The server's engine in this process.

    It runs in threads of its own, one a lane, while another thread has used the same pool of workers: as in the server
    there are then more of OpenMP's threads than cores, and GNU's spin a few microseconds for more work. Where there are
    no more threads than cores they spin for milliseconds, which would count as the engine's.
    """

    def __init__(self, engine: Engine, bundles: Sequence[Bundle]) -> None:
        self._engine = engine
        self._bundles = bundles
        self._contenders: dict[int, Contender] = {}
        self._lanes = engine.device.lanes.count
        self._threads = ThreadPoolExecutor(self._lanes)

    def cpu_ms(self, batch: int, seconds: float) -> float:
        """An image, in batches of `batch`."""
        contender = self._contender(batch)
        contender.run()
        began = time.process_time()
        images = sum(self._threads.map(lambda _: _ran(contender, seconds), range(self._lanes)))
        return 1000 * (time.process_time() - began) / images

    def _contender(self, batch: int) -> Contender:
        if batch not in self._contenders:
            self._contenders[batch] = baselines.mixed(self._engine, self._bundles, batch, in_one_lane=True)
        return self._contenders[batch]


def _ran(contender: Contender, seconds: float) -> int:
    """Images that were answered."""
    images, began = 0, time.monotonic()
    while time.monotonic() - began < seconds:
        contender.run()
        images += contender.images
    return images


def spent(served: Served) -> Spent:
    """Read once our server runs nothing any more."""
    seen = _scraped(served)
    while True:
        time.sleep(_SETTLE_S)  # a count that stands still this long is the last one
        before, seen = seen, _scraped(served)
        if seen.images == before.images:
            return seen


def overhead(before: Spent, after: Spent, alone: EngineAlone, seconds: float) -> Overhead:
    images = after.images - before.images
    batch = images / (after.batches - before.batches)
    return Overhead(
        server_ms=1000 * (after.cpu_s - before.cpu_s) / images,
        engine_ms=alone.cpu_ms(round(batch), seconds),
        batch=batch,
    )


def _scraped(served: Served) -> Spent:
    text = httpx.get(served.url + "/metrics", timeout=30).text
    samples = {s.name: s.value for family in text_string_to_metric_families(text) for s in family.samples}
    return Spent(
        cpu_s=served.cpu_seconds(),
        images=samples["nettailor_batch_images_sum"],
        batches=samples["nettailor_batch_images_count"],
    )
