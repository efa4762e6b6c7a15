"""Classifiers of what a backbone was trained for: method `lwf` asks them what it knew.

Legend: C features, K classes.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

_TORCHVISION = "fc"


def read_heads(path: Path) -> tuple[nn.Linear, ...]:
    """All heads of a file that `trainer.pretrain` wrote, in the order of their names."""
    tensors = load_file(path)
    names = sorted({name.rpartition(".")[0] for name in tensors})
    return tuple(_head(tensors[f"{name}.weight"], tensors[f"{name}.bias"]) for name in names)


def heads_in(document: Mapping[Any, Any], features: int) -> tuple[nn.Linear, ...]:
    """The classifier (K, C) beside torchvision's own tensors, if there is one of so many features."""
    weight, bias = (document.get(f"{_TORCHVISION}.{part}") for part in ("weight", "bias"))
    if not isinstance(weight, Tensor) or not isinstance(bias, Tensor):
        return ()
    if weight.ndim != 2 or bias.shape != weight.shape[:1] or weight.shape[1] != features:
        return ()
    return (_head(weight, bias),)


@torch.no_grad()
def _head(weight: Tensor, bias: Tensor) -> nn.Linear:
    head = nn.Linear(weight.shape[1], weight.shape[0])
    head.weight.copy_(weight)
    head.bias.copy_(bias)
    return head.requires_grad_(False)
