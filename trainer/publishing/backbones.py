"""The backbone that a version was tailored on, stored where every server looks for it."""

from nettailor.network.backbones import Backbone
from nettailor.network.stored_backbone import stored_bytes
from registry.errors import BackboneConflict
from registry.registry import Registry

_SHOWN = 12  # hex digits of the fingerprint in a name


def name_of(backbone: Backbone) -> str:
    """What weights are called that were stored here; the architecture's own name goes on meaning its usual ones."""
    return f"{backbone.name}-{backbone.fingerprint()[:_SHOWN]}"


def store_backbone(registry: Registry, backbone: Backbone, *, actor: str, note: str) -> None:
    """Add the weights to the registry, unless they are there under any name.

    Raises `BackboneConflict` where other weights have the name.
    """
    if _is_stored(registry, backbone):
        return
    try:
        registry.add_backbone(name_of(backbone), stored_bytes(backbone), actor=actor, note=note)
    except BackboneConflict:
        if not _is_stored(registry, backbone):  # else another job was faster
            raise


def _is_stored(registry: Registry, backbone: Backbone) -> bool:
    fingerprint = backbone.fingerprint()
    return any(record.fingerprint == fingerprint for record in registry.backbones.all())
