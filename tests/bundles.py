"""Random but sane bundles."""

import math

import numpy as np

from nettailor.architecture.geometry import geometry
from nettailor.architecture.plan import Plan, full_plan, reachable_plan
from nettailor.bundle.bundle import encode
from nettailor.bundle.manifest import (
    PLAIN_METHODS,
    Accuracy,
    BackboneReference,
    Complexity,
    Manifest,
    Method,
    Metrics,
    ProxyDtype,
    StatisticsMode,
    format_of,
)
from nettailor.bundle.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from nettailor.bundle.safetensors_file import AnyArray
from nettailor.bundle.tensors.masks import MASKS, masked_weights, packed_mask
from nettailor.bundle.tensors.ranges import RANGES
from nettailor.bundle.tensors.tensors import tensor_shapes

ZERO_FINGERPRINT = "0" * 64
OWNED = 1000  # weights of a task of method packnet


def random_plan(depth: int, *, seed: int = 0, skips: int = 3) -> Plan:
    """A plan with about a third of the blocks and half of the proxies gone; the last node always stays."""
    rng = np.random.default_rng(seed)
    blocks = [bool(keep) for keep in rng.random(depth) > 0.33]
    proxies = [
        [source for source in range(max(node - skips, 0), node) if rng.random() > 0.5 or source == node - 1]
        for node in range(1, depth + 1)
    ]
    return reachable_plan(blocks, proxies)


def random_manifest(
    *,
    task: str = "signs",
    backbone: str = "mini26",
    fingerprint: str = ZERO_FINGERPRINT,
    plan: Plan | None = None,
    classes: int = 5,
    statistics: StatisticsMode = "task",
    seed: int = 0,
    test_accuracy: float = 0.9,
    method: Method = "nettailor",
    activation_ranges: bool = False,
    proxy_dtype: ProxyDtype = "F32",
) -> Manifest:
    """A manifest whose figures are made up but consistent in form; other methods have a plan and statistics of their
    own."""
    depth = geometry(backbone).depth
    if method != "nettailor":
        plan, statistics = full_plan(depth, 0), PLAIN_METHODS[method]
    side = {"mini26": (32, 32), "wide_resnet26": (72, 64)}.get(backbone, (256, 224))
    return Manifest(
        format=format_of(method, activation_ranges=activation_ranges, proxy_dtype=proxy_dtype),
        task=task,
        method=method,
        backbone=BackboneReference(id=backbone, fingerprint=fingerprint),
        plan=plan or random_plan(depth, seed=seed),
        statistics=statistics,
        activation_ranges=activation_ranges,
        proxy_dtype=proxy_dtype,
        classes=tuple(f"class {index}" for index in range(classes)),
        preprocessing=Preprocessing(resize=side[0], crop=side[1], mean=IMAGENET_MEAN, std=IMAGENET_STD),
        metrics=Metrics(
            teacher=Accuracy(validation=0.91, test=0.9), student=Accuracy(validation=0.905, test=test_accuracy)
        ),
        complexity=Complexity(
            stem_macs=1,
            stem_params=2,
            shared_macs_kept=3,
            shared_macs_removed=4,
            shared_params_kept=5,
            shared_params_removed=6,
            task_macs=7,
            task_params=8,
        ),
        owned=OWNED if method == "packnet" else None,
        recipe={"preset": "fast", "learning_rate": 0.1, "removed": [1, 2]},
        seed=seed,
        dataset="sha256:" + "d" * 64,
        libraries={"numpy": "2.0.0"},
    )


def random_tensors(manifest: Manifest, *, seed: int = 0) -> dict[str, AnyArray]:
    """Tensors of the right shapes that keep activations in a sane range."""
    rng = np.random.default_rng(seed)
    tensors: dict[str, AnyArray] = {}
    for name, shape in tensor_shapes(manifest).items():
        if name.startswith("alphas."):
            values = rng.dirichlet(np.full(shape, 4.0))
        elif name.startswith(MASKS):
            tensors[name] = rng.integers(0, 256, shape, np.uint8)
            continue
        elif name.startswith(RANGES):
            values = rng.uniform(2.0, 6.0, shape)
        elif name.endswith("var"):
            values = rng.uniform(0.5, 1.5, shape)
        elif name.startswith("adapters.") and len(shape) > 1:
            values = rng.normal(0, 0.2 / shape[1] ** 0.5, shape)
            if manifest.method == "dan":
                values += np.eye(shape[0])[:, :, None, None]
        elif len(shape) > 1:
            values = rng.normal(0, (2 / math.prod(shape[1:])) ** 0.5, shape)
        else:
            centre = 1.0 if name.endswith(".weight") else 0.0
            values = rng.normal(centre, 0.1, shape)
        tensors[name] = values.astype(np.float32)
    return tensors | (_owned_masks(manifest, rng) if manifest.is_packed else {})


def _owned_masks(manifest: Manifest, rng: np.random.Generator) -> dict[str, AnyArray]:
    """As many weights as the manifest says, wherever they are."""
    shapes = masked_weights(geometry(manifest.backbone.id))
    ends = np.cumsum([math.prod(shape) for shape in shapes.values()])
    own = np.zeros(ends[-1], bool)
    own[rng.choice(own.size, manifest.owned, replace=False)] = True
    return {name: packed_mask(part) for name, part in zip(shapes, np.split(own, ends[:-1]), strict=True)}


def random_bundle(
    *,
    task: str = "signs",
    backbone: str = "mini26",
    fingerprint: str = ZERO_FINGERPRINT,
    plan: Plan | None = None,
    classes: int = 5,
    statistics: StatisticsMode = "task",
    seed: int = 0,
    test_accuracy: float = 0.9,
    method: Method = "nettailor",
    activation_ranges: bool = False,
    proxy_dtype: ProxyDtype = "F32",
) -> tuple[Manifest, dict[str, AnyArray]]:
    """A manifest and its tensors, ready for `encode`; the same arguments give the same bundle."""
    manifest = random_manifest(
        task=task,
        backbone=backbone,
        fingerprint=fingerprint,
        plan=plan,
        classes=classes,
        statistics=statistics,
        seed=seed,
        test_accuracy=test_accuracy,
        method=method,
        activation_ranges=activation_ranges,
        proxy_dtype=proxy_dtype,
    )
    return manifest, random_tensors(manifest, seed=seed)


def tiny_bytes(*, task: str = "signs", seed: int = 0, test_accuracy: float = 0.9) -> bytes:
    """The encoded bytes of a small bundle (13 KB): stem, one proxy, the last block; two classes."""
    plan = reachable_plan([False] * 11 + [True], [*([] for _ in range(10)), [0], []])
    manifest, tensors = random_bundle(
        task=task, plan=plan, classes=2, statistics="frozen", seed=seed, test_accuracy=test_accuracy
    )
    return encode(manifest, tensors)
