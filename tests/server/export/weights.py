"""The oracle's backbone as a file, for processes that load it themselves."""

from pathlib import Path

from safetensors.torch import save_file

from nettailor.network.backbones import canonical_tensors
from tests.server.oracle import backbone


def saved_backbone(folder: Path) -> Path:
    """The file, written if it is not there yet."""
    path = folder / "mini26.safetensors"
    if not path.exists():
        save_file(canonical_tensors(backbone()), path)
    return path
