"""Proxies A_p^l: the small 1x1 layers that a task learns in place of blocks (eq. 4).

Legend: N images, C channels, H W.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from nettailor.geometry import Geometry


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
        return self._run(x, silent=False)

    def without_trace(self, x: Tensor) -> Tensor:
        """The same function of a batch, leaving the running statistics as they are."""
        return self._run(x, silent=True)

    def _run(self, x: Tensor, *, silent: bool) -> Tensor:
        if self.stride > 1:
            x = F.max_pool2d(x, self.stride + 1, self.stride, self.stride // 2)
        for index, (conv, norm) in enumerate(self.layers):
            x = self.get_submodule(conv)(x if index == 0 else F.relu(x))
            x = (
                _batch_statistics(x, self.get_submodule(norm))
                if silent and self.training
                else self.get_submodule(norm)(x)
            )
        return x


def _batch_statistics(x: Tensor, norm: nn.Module) -> Tensor:
    assert isinstance(norm, nn.BatchNorm2d)
    return F.batch_norm(x, None, None, norm.weight, norm.bias, training=True, eps=norm.eps)


def build_proxy(geometry: Geometry, source: int, node: int) -> Proxy:
    """A_source^node with random weights (torch's global generator)."""
    stride = geometry.strides[node] // geometry.strides[source]
    return Proxy(geometry.proxy_channels(source, node), stride)
