"""The serving benchmarks' workload: tasks tailored from one ResNet-34 with random weights, as large as the paper's."""

from collections.abc import Sequence

import numpy as np
import torch

from nettailor.architecture.geometry import geometry
from nettailor.architecture.plan import Plan, full_plan, reachable_plan
from nettailor.bundle.bundle import Bundle
from nettailor.bundle.manifest import BackboneReference, StatisticsMode
from nettailor.complexity.counting import plan_complexity
from nettailor.errors import PlanCutsEveryPath
from nettailor.network.backbones import Backbone, build_backbone
from server.engine.untrained import random_tensors, untrained_manifest

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
    activation_ranges: bool = False,
    fingerprint: str,
) -> list[Bundle]:
    """Bundles of `count` tasks, no two plans alike, for the backbone of this fingerprint."""
    plans = [tailored_plan(REMOVED[index % len(REMOVED)], seed=1000 * seed + index) for index in range(count)]
    return [
        _bundle(index, plan, side, statistics, fingerprint, activation_ranges=activation_ranges)
        for index, plan in enumerate(plans)
    ]


def average_bundle(bundles: Sequence[Bundle], *, fingerprint: str) -> Bundle:
    """One task whose MACs are as near to the mean of the others' as a hundred seeded plans come."""
    first = bundles[0].manifest
    side, statistics = first.preprocessing.crop, first.statistics
    mean = sum(macs(bundle.manifest.plan, side) for bundle in bundles) / len(bundles)
    plans = [tailored_plan(REMOVED[1], seed=10_000 + seed) for seed in range(100)]
    nearest = min(plans, key=lambda plan: abs(macs(plan, side) - mean))
    return _bundle(len(bundles), nearest, side, statistics, fingerprint)


def macs(plan: Plan, side: int) -> int:
    """Multiply-adds of one image, stem included."""
    return plan_complexity(geometry(BACKBONE), plan, image_side=side, classes=CLASSES, statistics="task").macs


def tailored_plan(removed: int, *, seed: int) -> Plan:
    """A plan with exactly `removed` blocks gone whose task parameters lie within `TASK_PARAMS`."""
    rng = np.random.default_rng(seed)
    depth = geometry(BACKBONE).depth
    for _ in range(1000):
        blocks = np.ones(depth, bool)
        blocks[rng.choice(depth, removed, replace=False)] = False
        plan = _thinned(blocks.tolist(), rng)
        if plan is not None and plan.blocks.count(False) == removed:
            return plan
    raise AssertionError(f"no plan with {removed} blocks gone has {TASK_PARAMS} parameters")


def _thinned(blocks: list[bool], rng: np.random.Generator) -> Plan | None:
    """Proxies taken away at random until the task parameters are within bounds; None if that cuts every path."""
    sources = [list(sources) for sources in full_plan(len(blocks), 3).proxies]
    for node, source in rng.permutation([(node, p) for node, own in enumerate(sources) for p in own]).tolist():
        try:
            plan = reachable_plan(blocks, sources)
        except PlanCutsEveryPath:
            return None
        if _task_params(plan) <= TASK_PARAMS[1]:
            return plan if _task_params(plan) >= TASK_PARAMS[0] else None
        sources[node].remove(source)
    return None


def _task_params(plan: Plan) -> int:
    return plan_complexity(geometry(BACKBONE), plan, image_side=72, classes=CLASSES, statistics="task").task_params


def _bundle(
    index: int,
    plan: Plan,
    side: int,
    statistics: StatisticsMode,
    fingerprint: str,
    *,
    activation_ranges: bool = False,
) -> Bundle:
    backbone = BackboneReference(id=BACKBONE, fingerprint=fingerprint)
    manifest = untrained_manifest(
        f"task-{index}",
        plan,
        backbone,
        side=side,
        classes=CLASSES,
        statistics=statistics,
        seed=index,
        activation_ranges=activation_ranges,
    )
    tensors = random_tensors(manifest)
    digest = f"sha256:{index:064x}"  # stands for the file, which no engine asks for
    return Bundle(manifest=manifest, tensors=tensors, digest=digest, size_bytes=sum(t.nbytes for t in tensors.values()))
