"""The file that a pretrained backbone is shipped as."""

from pathlib import Path

from safetensors.torch import save_file

from nettailor.network.backbones import Backbone, canonical_tensors


def export(backbone: Backbone, path: Path) -> None:
    """Write the canonical tensors as fp16 safetensors."""
    tensors = {name: t.half().contiguous() for name, t in canonical_tensors(backbone).items()}
    save_file(tensors, path, metadata={"backbone": backbone.name})
