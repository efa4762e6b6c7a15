"""Whether a backbone, and the chain that a task is to stand on, leave it weights to fill."""

from collections.abc import Sequence

from nettailor.bundle.bundle import Bundle
from nettailor.network.backbones import Backbone
from nettailor.network.packnet.student import what_is_there
from trainer.errors import BackboneNotPruned, NoWeightsLeft

_LEAST = 0.01  # share of the weights; about sixteen tasks of a quarter of what is free each reach it


def check_free(backbone: Backbone, chain: Sequence[Bundle]) -> None:
    """Raises `BackboneNotPruned`, `ChainOverlaps`, `NoWeightsLeft`."""
    if what_is_there(backbone, ()).free_share < _LEAST:
        raise BackboneNotPruned(backbone.name)
    share = what_is_there(backbone, chain).free_share
    if share < _LEAST:
        raise NoWeightsLeft([link.manifest.task for link in chain], share)
