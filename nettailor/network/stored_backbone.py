"""Backbones to and from the file that a registry keeps."""

import torch

from nettailor.bundle.backbone_file import decode_backbone, encode_backbone
from nettailor.cpu import avoid_phantom_amx
from nettailor.network.backbones import Backbone, backbone_of, canonical_tensors


def stored_bytes(backbone: Backbone) -> bytes:
    """The canonical file of a backbone: equal weights, equal bytes."""
    tensors = {name: tensor.numpy() for name, tensor in canonical_tensors(backbone).items()}
    return encode_backbone(backbone.name, tensors)


def stored_backbone(data: bytes, source: str) -> Backbone:
    """The backbone in a canonical file, in eval mode; `source` says in messages where the file is from.

    Raises `BackboneWeightsInvalid`.
    """
    avoid_phantom_amx()
    file = decode_backbone(data)
    tensors = {name: torch.from_numpy(array.copy()) for name, array in file.tensors.items()}
    return backbone_of(file.architecture, source, tensors)
