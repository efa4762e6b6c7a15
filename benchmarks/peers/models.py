"""The same tasks as whole fine-tuned networks, one a task, in eager PyTorch: what every peer holds."""

import copy
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from benchmarks.workloads.resnet34 import BACKBONE, CLASSES
from nettailor.bundle.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from nettailor.network.backbones import uncut_network

_TOP_K = 5  # as our own server answers
_MEAN, _STD = (torch.tensor(values).view(3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))

Answer = list[dict[str, Any]]  # best first


class FullModels:
    """ResNet-34 with a head of its own for every task; random weights, which take as long as any."""

    def __init__(self, tasks: int, dtype: torch.dtype = torch.float32) -> None:
        self._dtype = dtype
        network = _network().to(dtype)  # to build each anew would take seconds and change nothing
        self._networks = {f"task-{index}": copy.deepcopy(network) for index in range(tasks)}

    def classify(self, task: str, images: Sequence[Tensor]) -> list[Answer]:
        """Each image's best classes. Raises `KeyError` for a task that does not exist."""
        with torch.inference_mode():
            shares = self._networks[task](torch.stack(list(images)).to(self._dtype)).float().softmax(1)
            best, order = shares.topk(_TOP_K)
        return [
            [{"label": f"class {i}", "probability": p} for i, p in zip(indexes, values, strict=True)]
            for indexes, values in zip(order.tolist(), best.tolist(), strict=True)
        ]


def decode(image: bytes) -> Tensor:  # (3, H, W)
    """The images have the network's size already: nobody has to resize."""
    pixels = np.asarray(Image.open(io.BytesIO(image)).convert("RGB"), np.float32)
    return torch.from_numpy(pixels).permute(2, 0, 1).div(255).sub_(_MEAN).div_(_STD)


def _network() -> nn.Module:
    network: Any = uncut_network(BACKBONE)
    network.fc = nn.Linear(network.fc.in_features, CLASSES)
    ready: nn.Module = network.eval().requires_grad_(False)
    return ready
