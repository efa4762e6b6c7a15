"""Proxies A_p^l: the small 1x1 layers that a task learns in place of blocks (eq. 4).

Legend: N images, C channels, H W.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nettailor.architecture.geometry import Geometry
from nettailor.network.norms import by_batch, scaled


class Proxy(nn.Module):
    """Max-pool to the target's side if needed, then 1x1 convolution and batch-norm; on bottleneck backbones
    1x1 -> batch-norm -> ReLU -> 1x1 -> batch-norm. `channels` as `Geometry.proxy_channels` gives them."""

    def __init__(self, channels: tuple[int, ...], stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.layers: list[tuple[str, str]] = []  # (convolution, batch-norm), in order
        for index in range(1, len(channels)):
            suffix = str(index) if len(channels) > 2 else ""
            self.layers.append((f"conv{suffix}", f"norm{suffix}"))
            conv = nn.Conv2d(channels[index - 1], channels[index], 1, bias=False)
            nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
            self.add_module(f"conv{suffix}", conv)
            self.add_module(f"norm{suffix}", nn.BatchNorm2d(channels[index]))

    def forward(self, x: Tensor) -> Tensor:  # (N, C_p, H, W) -> (N, C_l, ceil(H / stride), ceil(W / stride))
        return self._through(self.pooled(x), self.layers)

    def pooled(self, x: Tensor) -> Tensor:
        """The input at the target's side: what comes before the first convolution."""
        return F.max_pool2d(x, self.stride + 1, self.stride, self.stride // 2) if self.stride > 1 else x

    def scaled(self, x: Tensor, scale: Tensor) -> Tensor:
        """scale times the proxy's output, for an input that is pooled already and a scalar."""
        *before, (conv, norm) = self.layers
        x = self._through(x, before)
        return scaled(self.get_submodule(norm), self.get_submodule(conv)(F.relu(x) if before else x), scale)

    @torch.no_grad()
    def inputs(self, x: Tensor) -> Tensor:
        """What the last convolution multiplies, for inputs x (N, C_p, H, W): (N H' W', C) in float32."""
        *before, _ = self.layers
        hidden = self._through(self.pooled(x), before, silent=True)
        return as_rows(F.relu(hidden) if before else hidden)

    @torch.no_grad()
    def assign(self, weight: Tensor, bias: Tensor, *, mean: Tensor, covariance: Tensor) -> None:
        """Set the last convolution and its batch-norm so that the output is weight (x - mean) + bias for inputs of
        that mean (C,) and covariance (C, C); weight (C_l, C), bias (C_l,)."""
        conv, norm = (self.get_submodule(name) for name in self.layers[-1])
        assert isinstance(conv, nn.Conv2d)
        assert isinstance(norm, nn.BatchNorm2d)
        norm.weight.copy_(_deviations(weight, covariance))
        norm.bias.copy_(bias)
        # Batch-norm makes a row's length meaningless, except for how fast the row learns: each keeps the one it had.
        weight = weight * (conv.weight.flatten(1).norm(dim=1) / weight.norm(dim=1).clamp_min(1e-12))[:, None]
        conv.weight.copy_(weight[:, :, None, None])
        norm.running_mean = (weight @ mean).to(norm.weight.dtype)
        norm.running_var = _deviations(weight, covariance).square().to(norm.weight.dtype)

    def _through(self, x: Tensor, layers: list[tuple[str, str]], *, silent: bool = False) -> Tensor:
        """`silent`: by the batch's statistics, the running ones left as they are."""
        for index, (conv, norm) in enumerate(layers):
            x = self.get_submodule(conv)(x if index == 0 else F.relu(x))
            module = self.get_submodule(norm)
            x = by_batch(module, x) if silent and self.training else module(x)
        return x


def as_rows(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N H W, C) in float32."""
    return x.movedim(1, -1).reshape(-1, x.shape[1]).float()


def _deviations(weight: Tensor, covariance: Tensor) -> Tensor:
    """Standard deviation of each output of `weight` (C_l, C)."""
    return ((weight @ covariance) * weight).sum(1).clamp_min(0).sqrt()


def build_proxy(geometry: Geometry, source: int, node: int) -> Proxy:
    """A_source^node with random weights (torch's global generator)."""
    stride = geometry.strides[node] // geometry.strides[source]
    return Proxy(geometry.proxy_channels(source, node), stride)
