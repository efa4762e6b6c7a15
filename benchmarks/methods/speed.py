"""Images a second of mixed batches in which all tasks are of one method."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import cycle, islice

import numpy as np

from benchmarks.measuring.rounds import Values, paired_rounds, rate
from nettailor.bundle.bundle import Bundle
from nettailor.network.backbones import Backbone
from server.engine.engine import Engine, Part
from server.kernels.device import open_device

TASKS = 16
IMAGES = 4  # a task


def images_per_second(
    backbones: Sequence[Backbone], bundles: Mapping[str, Sequence[Bundle]], rounds: int, seconds: float
) -> Values:
    """By method, one value a round. A method with fewer than 16 tasks has some of them several times, each as a task of
    its own; one without any has no speed. `backbones` are all that the bundles were made for."""
    engines = {each.fingerprint(): Engine(each, open_device("cpu", "auto")) for each in backbones}
    sides = {
        method: partial(rate, _mixed(engines[own[0].manifest.backbone.fingerprint], own), TASKS * IMAGES, seconds)
        for method, own in bundles.items()
    }
    return paired_rounds(sides, rounds) if sides else {}


def _mixed(engine: Engine, bundles: Sequence[Bundle]) -> Callable[[], object]:
    side = bundles[0].manifest.preprocessing.crop
    images = np.random.default_rng(0).integers(0, 256, (TASKS * IMAGES, 3, side, side), np.uint8)
    ready = [engine.pack(bundle) for bundle in islice(cycle(bundles), TASKS)]
    parts = [
        Part(adapter=adapter, images=range(IMAGES * task, IMAGES * (task + 1))) for task, adapter in enumerate(ready)
    ]
    return partial(engine.forward, images, parts)
