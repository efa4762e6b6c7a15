"""How stored images become inputs of the backbone.

Legend: N images, H W pixels.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from nettailor.network.backbones import Backbone
from trainer.pretrain.config import PretrainConfig

_LUMA = (0.299, 0.587, 0.114)  # how bright red, green and blue look (ITU-R BT.601)


def augment(images: Tensor, side: int, config: PretrainConfig, generator: torch.Generator) -> Tensor:
    """Random crops (one size a batch, one place an image), flips, colours, brightness and contrast; uint8 -> float
    0..1."""
    n, stored = len(images), images.shape[-1]
    crop = int(torch.randint(config.smallest_crop, stored + 1, (), generator=generator))
    corners = torch.randint(stored - crop + 1, (n, 2), generator=generator).tolist()
    cropped = torch.stack([i[:, y : y + crop, x : x + crop] for i, (y, x) in zip(images, corners, strict=True)])
    x = resized(cropped, side)
    flip = torch.rand(n, generator=generator) < 0.5
    x = torch.where(flip[:, None, None, None], x.flip(3), x)
    x = recoloured(x, config, generator)
    gain = 1 + config.jitter * (2 * torch.rand(n, 2, 1, 1, 1, generator=generator) - 1)
    mean = x.mean((1, 2, 3), keepdim=True)
    return (gain[:, 0] * mean + gain[:, 1] * (x - mean)).clamp(0, 1)


def recoloured(x: Tensor, config: PretrainConfig, generator: torch.Generator) -> Tensor:
    """(N, 3, H, W) with colours further from grey or nearer to it, some images without; not clamped."""
    if not config.saturation and not config.grey:
        return x  # and nothing is drawn
    n = len(x)
    gain = 1 + config.saturation * (2 * torch.rand(n, generator=generator) - 1)
    gain = torch.where(torch.rand(n, generator=generator) < config.grey, 0.0, gain)
    grey = torch.einsum("nchw,c->nhw", x, torch.tensor(_LUMA))[:, None]
    return grey + gain[:, None, None, None] * (x - grey)


def resized(images: Tensor, side: int) -> Tensor:
    """uint8 (N, 3, H, W) -> float 0..1 (N, 3, side, side)."""
    return F.interpolate(images.float() / 255, size=(side, side), mode="bilinear", antialias=True)


def normalised(x: Tensor, backbone: Backbone) -> Tensor:
    """Images 0..1 (N, 3, H, W) as the backbone expects them, channels-last."""
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (backbone.preprocessing.mean, backbone.preprocessing.std))
    return ((x - mean) / std).to(memory_format=torch.channels_last)
