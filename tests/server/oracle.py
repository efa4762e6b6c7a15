"""The slow, obvious way: one student a task, one task at a time."""

import functools

import numpy as np
import torch
from numpy.typing import NDArray

from nettailor.architecture.plan import Plan
from nettailor.bundle import bundle as bundles
from nettailor.bundle.bundle import Bundle
from nettailor.bundle.manifest import Method, StatisticsMode
from nettailor.images import normalise
from nettailor.network.backbones import Backbone, build_backbone
from nettailor.network.packnet.student import what_is_there
from nettailor.network.whole_network import network_of
from tests.bundles import random_bundle
from tests.chains import owned_places


def backbone(name: str = "mini26") -> Backbone:
    """Random weights, in the blocks every other one 0, and random batch-norm, the same in every test run; one object
    a name."""
    return _backbone(name)


@functools.cache
def _backbone(name: str) -> Backbone:
    generator = torch.Generator().manual_seed(7)
    with torch.random.fork_rng():
        torch.manual_seed(7)
        built = build_backbone(name)
    for module in built.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            for tensor, centre in ((module.weight, 1.0), (module.bias, 0.0), (module.running_mean, 0.0)):
                tensor.data = centre + 0.2 * torch.randn(tensor.shape, generator=generator)
            module.running_var = 0.5 + torch.rand(module.running_var.shape, generator=generator)
    for module in built.blocks.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.weight.data *= torch.rand(module.weight.shape, generator=generator) < 0.5
            module.weight.data *= 2**0.5
    return built.requires_grad_(False)


@functools.cache
def fingerprint(name: str = "mini26") -> str:
    return backbone(name).fingerprint()


def make_bytes(
    task: str = "signs",
    *,
    seed: int = 0,
    classes: int = 5,
    statistics: StatisticsMode = "task",
    plan: Plan | None = None,
    name: str = "mini26",
    method: Method = "nettailor",
    after: str | None = None,
) -> bytes:
    """An encoded random bundle for `backbone(name)`; with method packnet it stands on the bundle of digest `after`, and
    owns other weights than with any other seed."""
    manifest, tensors = random_bundle(
        task=task,
        backbone=name,
        fingerprint=fingerprint(name),
        plan=plan,
        classes=classes,
        statistics=statistics,
        seed=seed,
        method=method,
    )
    if manifest.is_packed:
        tensors |= owned_places(name, seed, what_is_there(backbone(name), []).free, scale=0.05)
    return bundles.encode(manifest.model_copy(update={"predecessor": after}), tensors)


def make_bundle(task: str = "signs", **options: object) -> Bundle:
    return bundles.decode(make_bytes(task, **options))  # type: ignore[arg-type]  # make_bytes' own keywords


def expected_logits(bundle: Bundle, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(N, K) for prepared images (N, 3, S, S)."""
    student = network_of(backbone(bundle.manifest.backbone.id), bundle)
    with torch.inference_mode():
        batch = torch.from_numpy(normalise(images, bundle.manifest.preprocessing))
        logits: NDArray[np.float32] = student(batch).numpy()
    return logits


def random_images(count: int, side: int, *, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, 3, side, side), np.uint8)
