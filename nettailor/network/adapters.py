"""What a task adds to the backbone's frozen convolutions of 3x3: a residual adapter beside or behind each of them
(Rebuffi et al. 2017, 2018), or combinations of its filters (deep adaptation networks, Rosenfeld & Tsotsos 2018).

Legend: N images, C channels, H W; W a frozen convolution, z = W x.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nettailor.bundle.manifest import AdapterMethod
from nettailor.bundle.tensors.adapters import SWITCHED_OFF


class AdaptedConvolution(nn.Module, ABC):
    """A frozen convolution and a matrix of the task's own, `weight` (C_out, C, 1, 1), 0 at first.

    It is learned in units of the layers that it comes between: `unit` has the deviations of the backbone's own
    batch-norm behind the convolution, so that a rate means the same whatever scale a layer's weights have.
    """

    unit: Tensor  # (C_out, C, 1, 1)

    def __init__(self, conv: nn.Conv2d, channels: int, unit: Tensor) -> None:
        super().__init__()
        self.conv = conv
        self.weight = nn.Parameter(torch.zeros(conv.out_channels, channels, 1, 1))
        self.register_buffer("unit", unit.expand(conv.out_channels, channels)[:, :, None, None].clone())

    @property
    def matrix(self) -> Tensor:
        return self.weight * self.unit

    def merged(self) -> nn.Conv2d:
        """One convolution that gives the same in eval mode."""
        return with_weights(self.conv, *self._merged())

    def tensors(self) -> dict[str, Tensor]:
        """What a bundle holds of it, by name."""
        return {"weight": self.matrix}

    @torch.no_grad()
    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over what `tensors` gave, which has units no more."""
        self.unit.copy_(self.unit != 0)
        self.weight.copy_(tensors["weight"])

    @abstractmethod
    def _merged(self) -> tuple[Tensor, Tensor | None]:
        """Its weight, and its bias if it has one."""


class ParallelAdapter(AdaptedConvolution):
    """W x + A x, A a 1x1 convolution of the same stride."""

    def __init__(self, conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
        super().__init__(conv, conv.in_channels, _deviation(norm)[:, None])

    def forward(self, x: Tensor) -> Tensor:  # (N, C, H, W) -> (N, C_out, H / stride, W / stride)
        y: Tensor = self.conv(x)
        return y + F.conv2d(x, self.matrix, stride=self.conv.stride)

    def _merged(self) -> tuple[Tensor, Tensor | None]:
        edge = self.conv.kernel_size[0] // 2
        return self.conv.weight + F.pad(self.matrix, [edge] * 4), None


class SeriesAdapter(AdaptedConvolution):
    """z + A BN(z), the batch-norm the task's own."""

    def __init__(self, conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
        super().__init__(conv, conv.out_channels, _deviation(norm)[:, None] * _seen(norm))
        self.norm = nn.BatchNorm2d(conv.out_channels, norm.eps)

    def forward(self, x: Tensor) -> Tensor:
        z: Tensor = self.conv(x)
        return z + F.conv2d(self.norm(z), self.matrix)

    def tensors(self) -> dict[str, Tensor]:
        norm = {f"norm.{name}": tensor for name, tensor in self.norm.state_dict().items()}
        norm.pop("norm.num_batches_tracked")
        return super().tensors() | norm

    @torch.no_grad()
    def load(self, tensors: Mapping[str, Tensor]) -> None:
        super().load(tensors)
        for name, tensor in self.norm.state_dict().items():
            if name != "num_batches_tracked":
                tensor.copy_(tensors[f"norm.{name}"])

    def _merged(self) -> tuple[Tensor, Tensor | None]:
        norm, matrix = self.norm, self.matrix.flatten(1)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        shift = norm.bias - norm.running_mean * scale
        return self.conv.weight + _combined(matrix * scale, self.conv.weight), matrix @ shift


class FilterCombinations(AdaptedConvolution):
    """P z: every filter a linear combination of those of W. What is learned is P - 1, so that weight decay draws to
    the backbone's own filters."""

    def __init__(self, conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
        deviation = _deviation(norm)
        super().__init__(conv, conv.out_channels, deviation[:, None] / deviation * _seen(norm))
        with torch.no_grad():
            self.weight.flatten(1).diagonal().normal_(std=1 / conv.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        z: Tensor = self.conv(x)
        return z + F.conv2d(z, self.matrix)

    def tensors(self) -> dict[str, Tensor]:
        return {"weight": self.matrix + self._identity()}

    @torch.no_grad()
    def load(self, tensors: Mapping[str, Tensor]) -> None:
        super().load({"weight": tensors["weight"] - self._identity()})

    def _identity(self) -> Tensor:
        return torch.eye(self.conv.out_channels, device=self.weight.device)[:, :, None, None]

    def _merged(self) -> tuple[Tensor, Tensor | None]:
        return self.conv.weight + _combined(self.matrix.flatten(1), self.conv.weight), None


_KINDS: Mapping[AdapterMethod, type[ParallelAdapter | SeriesAdapter | FilterCombinations]] = {
    "parallel-adapters": ParallelAdapter,
    "series-adapters": SeriesAdapter,
    "dan": FilterCombinations,
}


def adapted(method: AdapterMethod, conv: nn.Module, norm: nn.Module) -> AdaptedConvolution:
    """The convolution with the start of what the method adds to it (torch's global generator); `norm` comes behind."""
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    return _KINDS[method](conv, norm)


def with_weights(conv: nn.Conv2d, weight: Tensor, bias: Tensor | None = None) -> nn.Conv2d:
    """A convolution as this one, in eval mode, with other weights, which are not trained."""
    result = copy.deepcopy(conv)
    result.weight = nn.Parameter(weight, requires_grad=False)
    result.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)
    return result.eval()


def _deviation(norm: nn.BatchNorm2d) -> Tensor:
    """Of each channel in the backbone's own training, (C,)."""
    assert norm.running_var is not None
    return torch.sqrt(norm.running_var + norm.eps)


def _seen(norm: nn.BatchNorm2d) -> Tensor:
    """1 for the channels that the backbone uses, else 0, (C,): a server, which has that batch-norm folded into the
    convolution, cannot get the others back."""
    return (norm.weight.detach().abs() > SWITCHED_OFF).to(norm.weight)


def _combined(matrix: Tensor, weight: Tensor) -> Tensor:
    """(C_out, C) times the filters (C, C_in, k, k)."""
    return torch.einsum("oc,cikl->oikl", matrix, weight)
