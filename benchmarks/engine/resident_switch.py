"""What it costs to change between tasks that are on the device, in `benchmarks.engine`."""

from collections.abc import Callable, Sequence
from statistics import fmean, median

import numpy as np
from numpy.typing import NDArray

from benchmarks.engine.baselines import random_images
from benchmarks.measuring.ratios import Ratio, over_rounds
from benchmarks.measuring.rounds import seconds_each
from nettailor.bundle.bundle import Bundle
from server.engine.engine import Engine, Part
from server.engine.ready import Ready

_REPEATS = 60  # of each task in a round


def resident_switch_us(engine: Engine, first: Bundle, second: Bundle, rounds: int) -> Ratio:
    """Microseconds of engine time a switch, batch 1."""
    images = random_images(1, first.manifest.preprocessing.crop)
    return switched_us(engine, [engine.pack(first), engine.pack(second)], images, rounds)


def switched_us(engine: Engine, ready: Sequence[Ready], images: NDArray[np.uint8], rounds: int) -> Ratio:
    """How much longer A takes right after B than right after A.

    In a sequence A, A, B, B, A, A, ... every other run is a switch. A run and what it is compared with are then
    milliseconds apart, and medians keep out what the machine does beside them.
    """
    tasks = [_solo(engine, one, images) for one in ready]

    def microseconds() -> float:
        switched: list[list[float]] = [[], []]
        repeated: list[list[float]] = [[], []]
        for _ in range(_REPEATS):
            for task, run in enumerate(tasks):
                switched[task].append(seconds_each([run], 1))
                repeated[task].append(seconds_each([run], 1))
        costs = [median(after) - median(before) for after, before in zip(switched, repeated, strict=True)]
        return 1e6 * fmean(costs)

    microseconds()  # warms up
    return over_rounds([microseconds() for _ in range(rounds)])


def _solo(engine: Engine, adapter: Ready, images: NDArray[np.uint8]) -> Callable[[], object]:
    part = [Part(adapter=adapter, images=[0])]
    return lambda: engine.forward(images, part)
