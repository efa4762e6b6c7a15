"""Which sizes of images a server will be asked about first (torch-free)."""

import logging

from registry.errors import RegistryError
from registry.registry import LIVE, Registry

logger = logging.getLogger(__name__)


def live_sides(registry: Registry, fingerprint: str) -> list[int]:
    """Sides in pixels of the images that the live versions for this backbone want, ascending; none where the registry
    is not there. What cannot be read is passed over: it is told when it is asked for."""
    sides = set()
    try:
        names = [state.task for state in registry.tasks() if LIVE in state.aliases]
    except RegistryError as failure:
        logger.info("what tasks there will be is not known yet: %s", failure)
        return []
    for name in names:
        try:
            manifest = registry.resolve(name).manifest
        except RegistryError:
            continue
        if manifest.backbone.fingerprint == fingerprint:
            sides.add(manifest.preprocessing.crop)
    return sorted(sides)
