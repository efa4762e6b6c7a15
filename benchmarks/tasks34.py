"""The serving benchmarks' workload: tasks tailored from one ResNet-34 with random weights, as large as the paper's.

Nothing is trained: what a task's answer is does not matter to how long it takes.
"""

import numpy as np
import torch

from nettailor.backbones import Backbone, build_backbone
from nettailor.bundle import FloatArray, encode, tensor_shapes
from nettailor.complexity import plan_complexity
from nettailor.geometry import geometry
from nettailor.manifest import Accuracy, BackboneReference, Manifest, Metrics, StatisticsMode
from nettailor.plan import Plan, full_plan, reachable_plan
from nettailor.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing

BACKBONE = "resnet34"
REMOVED = (3, 7, 9)  # of the 16 blocks; a third of the tasks each
TASK_PARAMS = (1_800_000, 1_900_000)
CLASSES = 10


def random_resnet34() -> Backbone:
    """Always the same weights; batch-norm statistics that keep activations in range."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build_backbone(BACKBONE).requires_grad_(False)


def tailored_bundles(
    count: int = 16,
    side: int = 72,
    seed: int = 0,
    *,
    statistics: StatisticsMode = "task",
    removed: int | None = None,
    fingerprint: str | None = None,
) -> list[bytes]:
    """Encoded bundles of `count` tasks, no two plans alike; `removed` gives all of them that many cut blocks."""
    fingerprint = fingerprint or random_resnet34().fingerprint()
    bundles = []
    for index in range(count):
        cut = removed or REMOVED[index % len(REMOVED)]
        manifest = _manifest(index, tailored_plan(cut, seed=1000 * seed + index), side, statistics, fingerprint)
        bundles.append(encode(manifest, _tensors(manifest, seed=index)))
    return bundles


def tailored_plan(removed: int, *, seed: int) -> Plan:
    """A plan with exactly `removed` blocks gone whose task parameters lie within `TASK_PARAMS`."""
    rng = np.random.default_rng(seed)
    depth = geometry(BACKBONE).depth
    for _ in range(1000):
        blocks = np.ones(depth, bool)
        blocks[rng.choice(depth, removed, replace=False)] = False
        sources = [list(sources) for sources in full_plan(depth, 3).proxies]
        for place in rng.permutation([(node, p) for node, own in enumerate(sources) for p in own]):
            plan = reachable_plan(blocks.tolist(), sources)
            if plan.blocks.count(False) != removed or _task_params(plan) <= TASK_PARAMS[1]:
                break
            sources[place[0]].remove(place[1])
        if plan.blocks.count(False) == removed and TASK_PARAMS[0] <= _task_params(plan) <= TASK_PARAMS[1]:
            return plan
    raise AssertionError(f"no plan with {removed} blocks gone has {TASK_PARAMS} parameters")


def _task_params(plan: Plan) -> int:
    return plan_complexity(geometry(BACKBONE), plan, image_side=72, classes=CLASSES, statistics="task").task_params


def _manifest(index: int, plan: Plan, side: int, statistics: StatisticsMode, fingerprint: str) -> Manifest:
    accuracy = Accuracy(validation=0.9, test=0.9)
    return Manifest(
        task=f"task-{index}",
        backbone=BackboneReference(id=BACKBONE, fingerprint=fingerprint),
        plan=plan,
        statistics=statistics,
        classes=tuple(f"class {c}" for c in range(CLASSES)),
        preprocessing=Preprocessing(resize=side, crop=side, mean=IMAGENET_MEAN, std=IMAGENET_STD),
        metrics=Metrics(teacher=accuracy, student=accuracy),
        complexity=plan_complexity(geometry(BACKBONE), plan, image_side=side, classes=CLASSES, statistics=statistics),
        recipe={"untrained": True},
        seed=index,
        dataset="sha256:" + "0" * 64,
        libraries={},
    )


def _tensors(manifest: Manifest, *, seed: int) -> dict[str, FloatArray]:
    rng = np.random.default_rng(seed)
    return {name: _random(rng, name, shape) for name, shape in tensor_shapes(manifest).items()}


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
