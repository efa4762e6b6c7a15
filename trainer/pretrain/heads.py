"""Heads of a trained backbone for its own image sets: those of its pretraining were not kept, so they are fitted anew
to its features as they are. What learns without forgetting (method `lwf`) asks them what the backbone knew.

Legend: N images, C features, K classes.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from nettailor.network.backbones import Backbone
from trainer.pretrain.augmentation import normalised, resized
from trainer.pretrain.image_set import ImageSet
from trainer.recipe.teachers.linear_probe import fit_linear_probe

_BATCH = 256
_PENALTY = 1e-3  # as of a probe with some hundred images a class


def fitted_head(backbone: Backbone, images: ImageSet) -> nn.Linear:
    """A multinomial logistic regression on the features of the set's images."""
    return fit_linear_probe(features(backbone, images), images.labels, images.classes, penalty=_PENALTY)


@torch.inference_mode()
def features(backbone: Backbone, images: ImageSet) -> Tensor:
    """(N, C) of whole images resized to the backbone's crop (fp32)."""
    side = backbone.preprocessing.crop
    return torch.cat([backbone(normalised(resized(raw, side), backbone)) for raw in images.images.split(_BATCH)])


@torch.inference_mode()
def head_accuracy(head: nn.Linear, backbone: Backbone, images: ImageSet) -> float:
    """Top-1 on a set, 0..1."""
    return float((head(features(backbone, images)).argmax(1) == images.labels).float().mean())


def export_heads(heads: Sequence[tuple[str, nn.Linear]], backbone: Backbone, path: Path) -> None:
    """Write the heads, by the names of their sets, as fp16 safetensors."""
    tensors = {f"{name}.{part}": t.half() for name, head in heads for part, t in head.state_dict().items()}
    save_file(tensors, path, metadata={"backbone": backbone.name, "fingerprint": backbone.fingerprint()})
