"""Which weights the network of a version is exported with: those of its own backbone."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nettailor.bundle.manifest import BackboneReference
from server.errors import BackboneNotHere
from server.residency.backbones import Backbones


@dataclass(frozen=True, kw_only=True)
class BackboneSource:
    """`own` and `weights` are as of `load_backbone`, and those of the server's own backbone."""

    own: str
    weights: Path | None
    backbones: Backbones[Any]
    fetch: Callable[[str, Path], None]  # a blob into a file; raises `BlobMissing`, `BlobCorrupt`

    def arguments(self, needed: BackboneReference, folder: Path) -> list[str]:
        """For the exporting process; weights of the registry are put into the folder first.

        Raises `BackboneNotHere`, `BlobMissing`, `BlobCorrupt`.
        """
        if needed.fingerprint == self.backbones.own.fingerprint:
            weights = ["--weights", str(self.weights)] if self.weights else []
            return ["--backbone", self.own, *weights]
        stored = self.backbones.stored(needed.fingerprint)
        if stored is None:
            raise BackboneNotHere(needed.id, needed.fingerprint)
        path = folder / "backbone"
        self.fetch(stored.digest, path)
        return ["--backbone", stored.architecture, "--weights", str(path)]
