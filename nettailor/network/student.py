"""The student network of a task: frozen blocks, trainable proxies, alphas and classifier (eq. 2-4); of other methods,
the blocks with what those add to them.

Legend: N images, C channels, H W, K classes; nodes l = 0 (stem) ... L as in `plan`.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from nettailor.architecture.plan import Plan
from nettailor.bundle.bundle import Bundle, check_backbone
from nettailor.bundle.manifest import AdapterMethod, StatisticsMode, adapters_of
from nettailor.bundle.tensors.adapters import ADAPTERS
from nettailor.network.adapters import AdaptedConvolution, adapted
from nettailor.network.backbones import Backbone, Block, pooled
from nettailor.network.norms import TaskNorm, statistics_of
from nettailor.network.proxies import Proxy, build_proxy

BLOCK_START, PROXY_START = 2.0, -2.0  # alpha logits at the start (section 4.1 of the paper)


class Student(nn.Module):
    """x_l = ReLU(a_ll G_l(x_{l-1}) + sum_p a_pl A_p^l(x_p)), alphas a softmax over the surviving paths into l.

    Weights and affine parameters of the blocks are the backbone's own tensors, without gradient. With `statistics`
    "task", the blocks' batch-norm statistics are this student's own and follow its data while training; with
    "frozen" they are the backbone's. The stem is always the backbone's, in inference form. `adapts` says whether those
    statistics are learned beyond what the data give, `adapters` what is added to the blocks' convolutions.
    """

    def __init__(
        self,
        backbone: Backbone,
        *,
        plan: Plan,
        classes: int,
        statistics: StatisticsMode,
        adapts: bool = False,
        adapters: AdapterMethod | None = None,
    ) -> None:
        super().__init__()
        self.adapts, self.adapters = adapts, adapters
        self.geometry, self.plan, self.statistics = backbone.geometry, plan, statistics
        self.preprocessing = backbone.preprocessing
        self.stem = backbone.stem.requires_grad_(False)
        self.blocks = nn.ModuleDict()
        self.proxies = nn.ModuleDict()
        self.alphas = nn.ParameterDict()  # logits, in the order of plan.inputs(l)
        for node in plan.nodes():
            if plan.keeps_block(node):
                self.blocks[str(node)] = _block(backbone, node, statistics, adapts, adapters)
            sources = plan.sources(node)
            if sources:
                proxies = {str(p): build_proxy(self.geometry, p, node) for p in sources}
                self.proxies[str(node)] = nn.ModuleDict(proxies)
            start = [BLOCK_START] * plan.keeps_block(node) + [PROXY_START] * len(sources)
            self.alphas[str(node)] = nn.Parameter(torch.tensor(start))
        self.head = nn.Linear(self.geometry.channels[-1], classes)
        self.train(self.training)

    def train(self, mode: bool = True) -> "Student":
        super().train(mode)
        self.stem.eval()
        if self.statistics == "frozen":
            self.blocks.eval()
        return self

    @property
    def owned(self) -> int | None:
        """How many of the backbone's free weights belong to the task, None where the method has none."""
        return None

    def block(self, node: int) -> nn.Module:
        return self.blocks[str(node)]

    def proxy(self, source: int, node: int) -> Proxy:
        return self.get_submodule(f"proxies.{node}.{source}")  # type: ignore[return-value]  # built as Proxy above

    def alpha(self, node: int) -> Tensor:
        """Alphas of the paths into a node (eq. 3), in the order of `plan.inputs`."""
        return torch.softmax(self.alphas[str(node)], 0)

    def alpha_values(self) -> dict[int, NDArray[np.float32]]:
        """All alphas as arrays, by node."""
        return {node: self.alpha(node).detach().cpu().numpy().copy() for node in self.plan.nodes()}

    def forward(self, images: Tensor) -> Tensor:  # (N, 3, H, W) -> (N, K)
        logits: Tensor = self.head(self.features(images))
        return logits

    def features(self, images: Tensor) -> Tensor:
        """What the classifier gets, (N, C_L)."""
        nodes = {0: self.stem(images)}
        for node in self.plan.nodes():
            nodes[node] = self.node(node, nodes)
        return pooled(nodes[self.plan.depth])

    def node(self, node: int, nodes: Mapping[int, Tensor]) -> Tensor:
        """x_l of eq. 2, (N, C_l, H_l, W_l), from the nodes before it."""
        return F.relu(self.sum(node, nodes))

    def sum(self, node: int, nodes: Mapping[int, Tensor]) -> Tensor:
        """x_l before its ReLU."""
        return _weighted_sum(self.alpha(node), list(self._paths(node, nodes)))

    def _paths(self, node: int, nodes: Mapping[int, Tensor]) -> Iterator[Tensor]:
        if self.plan.keeps_block(node):
            yield self.block(node)(nodes[node - 1])
        for source in self.plan.sources(node):
            yield self.proxy(source, node)(nodes[source])

    def task_parameters(self) -> Iterator[nn.Parameter]:
        """What is trained: proxies, alphas, classifier, and what is learned within the blocks."""
        return (p for p in self.parameters() if p.requires_grad)

    def pruned(self, plan: Plan, backbone: Backbone) -> "Student":
        """A student of a smaller plan with this one's weights; alphas renormalise over the paths left (section 3.5)."""
        smaller = Student(
            backbone,
            plan=plan,
            classes=self.head.out_features,
            statistics=self.statistics,
            adapts=self.adapts,
            adapters=self.adapters,
        )
        kept = smaller.state_dict()
        smaller.load_state_dict(
            {k: v for k, v in self.state_dict().items() if k in kept and not k.startswith("alphas.")}, strict=False
        )
        with torch.no_grad():
            for node in plan.nodes():
                rows = [_row(self.plan, node, path) for path in _named_paths(plan, node)]
                smaller.alphas[str(node)].copy_(self.alphas[str(node)][rows])
        return smaller.train(self.training)

    def bundle_tensors(self) -> dict[str, NDArray[np.float32]]:
        """The tensors of this student's bundle (docs/bundle-format.md)."""
        tensors = {}
        for name, tensor in (self.proxies.state_dict(prefix="proxies.") | self.head.state_dict(prefix="head.")).items():
            if not name.endswith("num_batches_tracked"):
                tensors[name] = _array(tensor)
        for node in self.plan.nodes():
            # A softmax can underflow to 0, which the format has no path for: the path is then as good as absent.
            tensors[f"alphas.{node}"] = _array(self.alpha(node).clamp_min(torch.finfo(torch.float32).tiny))
        for name, norm in self._task_norms():
            mean, var = statistics_of(norm)
            tensors[f"statistics.{name}.mean"], tensors[f"statistics.{name}.var"] = _array(mean), _array(var)
        for name, conv in self._adapted():
            tensors |= {f"{ADAPTERS}.{name}.{part}": _array(tensor) for part, tensor in conv.tensors().items()}
        return tensors

    def _task_norms(self) -> Iterator[tuple[str, nn.BatchNorm2d]]:
        """Batch-norm layers of the backbone whose statistics belong to the task, as "<node>.<norm>"."""
        if self.statistics == "task":
            for node in self._kept():
                for name in self.geometry.blocks[node - 1].norms:
                    yield f"{node}.{name}", cast(nn.BatchNorm2d, self.block(node).get_submodule(name))

    def _adapted(self) -> Iterator[tuple[str, AdaptedConvolution]]:
        """Convolutions that the task adds to, as "<node>.<convolution>"."""
        if self.adapters is not None:
            for node in self._kept():
                for name in self.geometry.blocks[node - 1].adaptable:
                    yield f"{node}.{name}", cast(AdaptedConvolution, self.block(node).get_submodule(name))

    def _kept(self) -> Iterator[int]:
        return (node for node in self.plan.nodes() if self.plan.keeps_block(node))

    @classmethod
    def from_bundle(cls, backbone: Backbone, bundle: Bundle) -> "Student":
        """The student a bundle describes, in eval mode. Raises `BundleWrongBackbone`."""
        manifest = bundle.manifest
        check_backbone(manifest, backbone.fingerprint())
        student = cls(
            backbone,
            plan=manifest.plan,
            classes=len(manifest.classes),
            statistics=manifest.statistics,
            adapters=adapters_of(manifest.method),
        )
        student.load_bundle_tensors(bundle.tensors)
        return student.eval()

    @torch.no_grad()
    def load_bundle_tensors(self, tensors: Mapping[str, NDArray[np.float32]]) -> None:
        """Take over the tensors of a bundle with this student's plan."""
        state = {n: torch.from_numpy(a.copy()) for n, a in tensors.items() if n.startswith(("proxies.", "head."))}
        self.load_state_dict(state, strict=False)
        for node in self.plan.nodes():
            self.alphas[str(node)].copy_(torch.from_numpy(tensors[f"alphas.{node}"].copy()).log())
        for name, norm in self._task_norms():
            norm.running_mean = torch.from_numpy(tensors[f"statistics.{name}.mean"].copy())
            norm.running_var = torch.from_numpy(tensors[f"statistics.{name}.var"].copy())
        self.load_adapters(tensors)

    @torch.no_grad()
    def load_adapters(self, tensors: Mapping[str, NDArray[np.float32]]) -> None:
        """Take over what a bundle of the same method adds to the convolutions."""
        for name, conv in self._adapted():
            prefix = f"{ADAPTERS}.{name}."
            own = {n.removeprefix(prefix): a for n, a in tensors.items() if n.startswith(prefix)}
            conv.load({part: torch.from_numpy(array.copy()) for part, array in own.items()})


def _block(
    backbone: Backbone, node: int, statistics: StatisticsMode, adapts: bool, adapters: AdapterMethod | None
) -> Block:
    """The backbone's block, or a copy that shares all parameters and has batch-norm statistics of its own, and what
    else a task adds to it."""
    block = backbone.blocks[node - 1].requires_grad_(False)
    assert isinstance(block, Block)
    if statistics == "frozen":
        return block
    own = copy.deepcopy(block, memo={id(p): p for p in block.parameters()})
    if adapts:
        for parent in list(own.modules()):
            for name, module in list(parent.named_children()):
                if type(module) is nn.BatchNorm2d:
                    setattr(parent, name, TaskNorm(module))
    if adapters is not None:
        for name in backbone.geometry.blocks[node - 1].adaptable:
            place = int(name.removeprefix("branch."))
            own.branch[place] = adapted(adapters, own.branch[place], block.branch[place + 1])
    return own


def _weighted_sum(alpha: Tensor, paths: list[Tensor]) -> Tensor:
    total = alpha[0] * paths[0]
    for index, path in enumerate(paths[1:], start=1):
        total = total + alpha[index] * path
    return total


def _named_paths(plan: Plan, node: int) -> list[int]:
    """Paths into a node by name: -1 for the block, else the proxy's source."""
    return [-1] * plan.keeps_block(node) + list(plan.sources(node))


def _row(plan: Plan, node: int, path: int) -> int:
    return _named_paths(plan, node).index(path)


def _array(tensor: Tensor | None) -> NDArray[np.float32]:
    assert tensor is not None
    return tensor.detach().float().cpu().contiguous().numpy().copy()
