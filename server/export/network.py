"""The network of one version as it is exported: what its plan left, all that can be multiplied out multiplied out.

Legend: N images, C channels, H W, K classes; nodes l = 0 (stem) ... L as in `plan`.
"""

import copy
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nettailor.bundle.preprocessing import Preprocessing
from nettailor.network.backbones import Block, pooled
from nettailor.network.folding import folded
from nettailor.network.proxies import Proxy
from nettailor.network.student import Student

STEM = 0


class PrunedNetwork(nn.Module):
    """Computes what an unfused student in eval mode computes, from pixels: batch-norms and alphas are part of the
    weights, proxies of one source and stride share their pooling, and no weight is there that no path needs.

    `dtype` is that of weights and activations; logits are float32 either way.
    """

    scale: Tensor  # (3,)
    shift: Tensor  # (3,)

    def __init__(self, student: Student, preprocessing: Preprocessing, dtype: torch.dtype) -> None:
        super().__init__()
        self.plan, self.dtype = student.plan, dtype
        mean, std = (torch.tensor(v, dtype=torch.float64) for v in (preprocessing.mean, preprocessing.std))
        self.register_buffer("scale", (1 / (255 * std)).float())
        self.register_buffer("shift", (mean / std).float())
        precise = copy.deepcopy(student).double()  # so that folding costs no precision
        self.stem = folded(precise.stem).to(dtype)
        self.nodes = nn.ModuleDict({str(node): PrunedNode(precise, node).to(dtype) for node in student.plan.nodes()})
        self.head = precise.head.to(dtype)
        self.eval().requires_grad_(False)

    def node(self, node: int) -> "PrunedNode":
        return cast(PrunedNode, self.nodes[str(node)])

    def forward(self, pixels: Tensor) -> Tensor:  # (N, S, S, 3) uint8 -> (N, K) float32
        """Logits of pictures that have the network's size."""
        x = (pixels.float() * self.scale - self.shift).permute(0, 3, 1, 2).to(self.dtype)
        nodes = {STEM: cast(Tensor, self.stem(x))}
        pools: dict[tuple[int, int], Tensor] = {}
        for node in self.plan.nodes():
            nodes[node] = self.node(node)(nodes, pools)
        logits: Tensor = self.head(pooled(nodes[self.plan.depth]))
        return logits.float()


class PrunedNode(nn.Module):
    """x_l of eq. 2. Built of a student in float64, which it does not change."""

    def __init__(self, student: Student, node: int) -> None:
        super().__init__()
        alphas = student.alpha(node).detach().tolist()
        self.before = node - 1
        self.block = ScaledBlock(student.block(node), alphas.pop(0)) if student.plan.keeps_block(node) else None
        sources = student.plan.sources(node)
        self.sources = [(source, student.proxy(source, node).stride) for source in sources]
        self.proxies = nn.ModuleList(
            _scaled_proxy(student.proxy(source, node), alpha) for source, alpha in zip(sources, alphas, strict=True)
        )

    def forward(self, nodes: dict[int, Tensor], pools: dict[tuple[int, int], Tensor]) -> Tensor:
        terms = [] if self.block is None else [self.block(nodes[self.before])]
        for (source, stride), proxy in zip(self.sources, self.proxies, strict=True):
            if stride > 1 and (source, stride) not in pools:
                pools[source, stride] = F.max_pool2d(nodes[source], stride + 1, stride, stride // 2)
            terms.append(proxy(pools[source, stride] if stride > 1 else nodes[source]))
        return F.relu(sum(terms[1:], terms[0]))


class ScaledBlock(nn.Module):
    """a_ll G_l(x): the scale is part of the last convolution, and of the shortcut's where it has one."""

    def __init__(self, block: nn.Module, alpha: float) -> None:
        super().__init__()
        whole = folded(block)
        assert isinstance(whole, Block)
        self.branch = _scaled(whole.branch, alpha)
        self.shortcut = None if isinstance(whole.shortcut, nn.Identity) else _scaled(whole.shortcut, alpha)
        self.alpha = alpha

    def forward(self, x: Tensor) -> Tensor:
        return self._beside(x) + cast(Tensor, self.branch(x))

    def _beside(self, x: Tensor) -> Tensor:
        if self.shortcut is not None:
            return cast(Tensor, self.shortcut(x))
        return x if self.alpha == 1 else x * self.alpha


def _scaled_proxy(proxy: Proxy, alpha: float) -> nn.Sequential:
    """alpha A_p^l, for an input that is pooled already."""
    layers: list[nn.Module] = []
    for conv, norm in proxy.layers:
        layers += [proxy.get_submodule(conv), proxy.get_submodule(norm), nn.ReLU()]
    return _scaled(folded(nn.Sequential(*layers[:-1])), alpha)


@torch.no_grad()
def _scaled(layers: nn.Module, alpha: float) -> nn.Sequential:
    """The layers, the last convolution multiplied by alpha, without those that do nothing."""
    assert isinstance(layers, nn.Sequential)
    kept = nn.Sequential(*(layer for layer in layers if not isinstance(layer, nn.Identity)))
    last = kept[-1]
    assert isinstance(last, nn.Conv2d)
    assert last.bias is not None
    last.weight.mul_(alpha)
    last.bias.mul_(alpha)
    return kept
