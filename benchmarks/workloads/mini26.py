"""Bundles of random weights for the mini backbone, for benchmarks of the registry (torch-free)."""

from nettailor.architecture.geometry import geometry
from nettailor.architecture.plan import Plan, full_plan, reachable_plan
from nettailor.bundle.bundle import encode
from nettailor.bundle.manifest import BackboneReference
from server.engine.untrained import random_tensors, untrained_manifest

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
    backbone = BackboneReference(id=BACKBONE, fingerprint=fingerprint)
    manifest = untrained_manifest(task, plan, backbone, side=SIDE, classes=_CLASSES, statistics="frozen", seed=seed)
    return encode(manifest, random_tensors(manifest))
