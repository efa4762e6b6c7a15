"""Bundles of random weights (torch-free), for what asks how fast bundles of some size are, whatever they answer."""

import numpy as np

from nettailor.architecture.geometry import Geometry, geometry
from nettailor.architecture.plan import Plan, full_plan
from nettailor.bundle.bundle import Bundle, FloatArray
from nettailor.bundle.manifest import Accuracy, BackboneReference, Manifest, Metrics, StatisticsMode, format_of
from nettailor.bundle.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from nettailor.bundle.tensors.ranges import RANGES
from nettailor.bundle.tensors.tensors import tensor_shapes
from nettailor.complexity.counting import plan_complexity

_CLASSES = 10  # of a rehearsal


def rehearsal_bundle(backbone: BackboneReference, shapes: Geometry, side: int, *, int8: bool) -> Bundle:
    """An untrained bundle that keeps every block and has a proxy into each from the node before it: as much work as the
    larger ones of those that are served. `side` is of its images, in pixels."""
    manifest = untrained_manifest(
        "rehearsal",
        full_plan(shapes.depth, 1),
        backbone,
        side=side,
        classes=_CLASSES,
        statistics="task",
        seed=0,
        activation_ranges=int8,
    )
    tensors = random_tensors(manifest)
    size_bytes = sum(tensor.nbytes for tensor in tensors.values())
    return Bundle(manifest=manifest, tensors=tensors, digest="sha256:" + "0" * 64, size_bytes=size_bytes)


def untrained_manifest(
    task: str,
    plan: Plan,
    backbone: BackboneReference,
    *,
    side: int,
    classes: int,
    statistics: StatisticsMode,
    seed: int,
    activation_ranges: bool = False,
) -> Manifest:
    """For images of `side` pixels."""
    accuracy = Accuracy(validation=0.9, test=0.9)
    shapes = geometry(backbone.id)
    return Manifest(
        format=format_of("nettailor", activation_ranges=activation_ranges),
        activation_ranges=activation_ranges,
        task=task,
        backbone=backbone,
        plan=plan,
        statistics=statistics,
        classes=tuple(f"class {index}" for index in range(classes)),
        preprocessing=Preprocessing(resize=side, crop=side, mean=IMAGENET_MEAN, std=IMAGENET_STD),
        metrics=Metrics(teacher=accuracy, student=accuracy),
        complexity=plan_complexity(shapes, plan, image_side=side, classes=classes, statistics=statistics),
        recipe={"untrained": True},
        seed=seed,
        dataset="sha256:" + "0" * 64,
        libraries={},
    )


def random_tensors(manifest: Manifest) -> dict[str, FloatArray]:
    """All tensors of a bundle, by the manifest's seed."""
    rng = np.random.default_rng(manifest.seed)
    return {name: _random(rng, name, shape) for name, shape in tensor_shapes(manifest).items()}


def _random(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> FloatArray:
    """Values that keep activations in a sane range."""
    if name.startswith("alphas."):
        values = rng.dirichlet(np.full(shape, 4.0))
    elif name.startswith(RANGES):
        values = rng.uniform(4, 8, shape)
    elif name.endswith("var"):
        values = rng.uniform(0.5, 1.5, shape)
    elif len(shape) > 1:
        values = rng.normal(0, (2 / shape[1]) ** 0.5, shape)
    else:
        values = rng.normal(float(name.endswith("norm.weight")), 0.1, shape)
    return values.astype(np.float32)
