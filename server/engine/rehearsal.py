"""Tasks that nobody has, to measure mixed batches with before there are others."""

from nettailor.architecture.geometry import Geometry
from nettailor.architecture.plan import full_plan
from nettailor.bundle.bundle import Bundle
from nettailor.bundle.manifest import BackboneReference
from nettailor.network.untrained import random_tensors, untrained_manifest

_CLASSES = 10


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
