"""ResNets of random weights, and what their pooled features are without any of the code that is examined."""

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from nettailor.network.vision import import_torchvision

State = dict[str, Tensor]

BACKBONES = ("resnet18", "resnet34", "resnet50")
SIDE = 40


def network(name: str, seed: int) -> Any:
    """Its batch-norm as if trained, so that no layer is close to the identity."""
    torch.manual_seed(seed)
    made: Any = getattr(import_torchvision("models"), name)(weights=None)
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            for parameter, low in ((module.weight, 0.5), (module.bias, -0.5)):
                nn.init.uniform_(parameter, low, low + 1)
            for buffer, low in (("running_mean", -0.5), ("running_var", 0.5)):
                nn.init.uniform_(module.get_buffer(buffer), low, low + 1)
    return made.eval()


@cache
def _state(name: str, seed: int) -> State:
    return dict(network(name, seed).state_dict())


def state_of(name: str, seed: int) -> State:
    """Drawn once, and never changed: whoever asks has the same tensors."""
    return dict(_state(name, seed))


def images() -> Tensor:
    return torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


@cache
@torch.inference_mode()
def features(name: str, seed: int, dtype: torch.dtype) -> Tensor:
    """torchvision's own forward pass up to the classifier's input, in fp32, of tensors that were rounded to `dtype`."""
    whole: Any = getattr(import_torchvision("models"), name)(weights=None).eval()
    whole.load_state_dict(rounded(state_of(name, seed), dtype))
    whole.fc = nn.Identity()
    found: Tensor = whole(images())
    return found


def rounded(state: State, dtype: torch.dtype) -> State:
    return {name: tensor.to(dtype) if tensor.is_floating_point() else tensor for name, tensor in state.items()}
