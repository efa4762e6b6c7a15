"""Bundles of method packnet that stand on one another."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from nettailor.architecture.geometry import geometry
from nettailor.bundle.bundle import encode
from nettailor.bundle.safetensors_file import AnyArray
from nettailor.bundle.tensors.masks import MASKS, masked_weights
from nettailor.bundle.tensors.owned import owned_tensors
from tests.bundles import OWNED, ZERO_FINGERPRINT, random_bundle

Free = Mapping[str, NDArray[np.bool_]]  # by the names of convolutions, "<node>.<name>"


def link_bytes(
    task: str,
    *,
    after: str | None = None,
    place: int = 0,
    free: Free | None = None,
    backbone: str = "mini26",
    fingerprint: str = ZERO_FINGERPRINT,
    classes: int = 2,
    scale: float = 0.05,
) -> bytes:
    """The bundle of a task that owns `OWNED` of the `free` weights, of all where that is None: other ones for each
    `place`. It stands on the bundle of digest `after`."""
    manifest, tensors = random_bundle(
        task=task, backbone=backbone, fingerprint=fingerprint, classes=classes, seed=place, method="packnet"
    )
    changed = manifest.model_copy(update={"predecessor": after})
    return encode(changed, tensors | owned_places(backbone, place, free, scale=scale))


def owned_places(backbone: str, place: int, free: Free | None, *, scale: float) -> dict[str, AnyArray]:
    """The masks and the values of such a task."""
    shapes = masked_weights(geometry(backbone))
    names = [name.removeprefix(MASKS) for name in shapes]
    ends = np.cumsum([math.prod(shape) for shape in shapes.values()])
    flat = [np.ones(ends[-1], bool) if free is None else np.concatenate([free[name].ravel() for name in names])][0]
    order = np.random.default_rng(0).permutation(np.flatnonzero(flat))
    own = np.zeros(ends[-1], bool)
    own[order[place * OWNED : (place + 1) * OWNED]] = True
    values = np.random.default_rng(place).normal(0, scale, ends[-1]).astype(np.float32)
    parts = zip(names, shapes.values(), np.split(own, ends[:-1]), np.split(values, ends[:-1]), strict=True)
    return owned_tensors({name: (mine.reshape(shape), part.reshape(shape)) for name, shape, mine, part in parts})
