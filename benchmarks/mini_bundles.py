"""Bundles of random weights for the mini backbone, for benchmarks of the registry (torch-free).

Nothing is trained: what a task's answer is does not matter to how its bundle is kept.
"""

import numpy as np

from nettailor.bundle import FloatArray, encode, tensor_shapes
from nettailor.complexity import plan_complexity
from nettailor.geometry import geometry
from nettailor.manifest import Accuracy, BackboneReference, Manifest, Metrics
from nettailor.plan import Plan, full_plan, reachable_plan
from nettailor.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing

BACKBONE = "mini26"
SIDE = 32  # pixels
NO_BACKBONE = "0" * 64  # the fingerprint of none: for bundles that nobody will run

_DEPTH = geometry(BACKBONE).depth
_CLASSES = 2


def smallest_plan() -> Plan:
    """Stem, one proxy, the last block: bundles of 13 KB."""
    return reachable_plan([False] * (_DEPTH - 1) + [True], [*([] for _ in range(_DEPTH - 2)), [0], []])


def usual_plan() -> Plan:
    """A quarter of the blocks gone, every proxy there: as large as bundles of this backbone become."""
    blocks = [node % 4 != 3 for node in range(1, _DEPTH + 1)]
    return reachable_plan(blocks, [list(sources) for sources in full_plan(_DEPTH, 3).proxies])


def random_bundle(task: str, seed: int, *, plan: Plan, fingerprint: str = NO_BACKBONE) -> bytes:
    """A bundle's file; the same arguments give the same bytes."""
    manifest = _manifest(task, seed, plan, fingerprint)
    rng = np.random.default_rng(seed)
    return encode(manifest, {name: _random(rng, name, shape) for name, shape in tensor_shapes(manifest).items()})


def _manifest(task: str, seed: int, plan: Plan, fingerprint: str) -> Manifest:
    accuracy = Accuracy(validation=0.9, test=0.9)
    return Manifest(
        task=task,
        backbone=BackboneReference(id=BACKBONE, fingerprint=fingerprint),
        plan=plan,
        statistics="frozen",
        classes=tuple(f"class {index}" for index in range(_CLASSES)),
        preprocessing=Preprocessing(resize=SIDE, crop=SIDE, mean=IMAGENET_MEAN, std=IMAGENET_STD),
        metrics=Metrics(teacher=accuracy, student=accuracy),
        complexity=plan_complexity(geometry(BACKBONE), plan, image_side=SIDE, classes=_CLASSES, statistics="frozen"),
        recipe={"untrained": True},
        seed=seed,
        dataset="sha256:" + "0" * 64,
        libraries={},
    )


def _random(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> FloatArray:
    """Values that keep activations in a sane range."""
    if name.startswith("alphas."):
        values = rng.dirichlet(np.full(shape, 4.0))
    elif name.endswith("var"):
        values = rng.uniform(0.5, 1.5, shape)
    elif len(shape) > 1:
        values = rng.normal(0, (2 / shape[1]) ** 0.5, shape)
    else:
        values = rng.normal(float(name.endswith("norm.weight")), 0.1, shape)
    return values.astype(np.float32)
