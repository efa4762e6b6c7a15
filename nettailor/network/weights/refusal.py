"""How the modules of this folder refuse a file: they know the reason, their caller the file and the backbone."""

from collections.abc import Callable

from nettailor.errors import BackboneWeightsInvalid

Refusal = Callable[[str], BackboneWeightsInvalid]
