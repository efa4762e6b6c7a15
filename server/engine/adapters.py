"""An adapter: a bundle made ready to run, all its tensors views of one buffer on the device.

Legend: C_l channels of node l, M middle channels of a bottleneck proxy, K classes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

from nettailor.architecture.geometry import Geometry
from nettailor.architecture.plan import Plan
from nettailor.bundle.preprocessing import Preprocessing
from server.engine.backbone import SharedNetwork
from server.engine.folded import FoldedBundle
from server.kernels.device import Device
from server.kernels.int8 import Int8Matrix


@dataclass(frozen=True, kw_only=True, eq=False)
class ProxyAdapter:
    """a_pl A_p^l as a matrix product over the channels; the bias is part of the node's."""

    source: int
    ratio: int  # of strides: max-pooling comes first where it is more than 1
    inner: tuple[Tensor, Tensor] | None  # (C_p, M) and bias (M,) of a bottleneck proxy's layer before its ReLU
    rows: slice  # of the node's weight: C_p, or M


@dataclass(frozen=True, kw_only=True, eq=False)
class ConvolutionAdapter:
    """What a task adds to a shared convolution before scale and shift; one of the two, of memory the other way
    round."""

    beside: Tensor | None  # (C_in, C_out), for the convolution's input
    behind: Tensor | None  # (C_out, C_out), for its output


@dataclass(frozen=True, kw_only=True, eq=False)
class NodeAdapter:
    alpha: Tensor | None  # (1,) a_ll; None where the block is gone
    statistics: Tensor | None  # (S,) as `server.engine.folding` lays them out; None: the backbone's
    proxies: tuple[ProxyAdapter, ...]
    weight: Tensor | None  # (sum over the proxies, C_l), of memory the other way round; None: no proxies
    bias: Tensor  # (C_l,) sum of the proxies' biases
    convolutions: Mapping[int, ConvolutionAdapter]  # by their place in the block's branch, where there is something


@dataclass(frozen=True, kw_only=True, eq=False)
class Int8Node:
    """What the pass in 8 bits wants beside a `NodeAdapter`; of node 0 the inverse alone."""

    inverse: Tensor  # (1,) one over the scale of x_l
    statistics: Tensor | None  # (S,) where the block is, from the scale of one activation to that of the next
    matrix: Int8Matrix | None  # of all proxies into the node, where they have one layer
    inner: Mapping[int, tuple[Int8Matrix, Tensor]]  # by source, where they have two: of the first, and its bias (M,)


@dataclass(frozen=True, kw_only=True, eq=False)
class Adapter:
    """Ready to run; immutable."""

    task: str
    backbone: str  # fingerprint of the one that it stands on
    network: SharedNetwork  # that it runs through
    plan: Plan
    preprocessing: Preprocessing
    classes: tuple[str, ...]
    nodes: Mapping[int, NodeAdapter]  # by present node
    head_weight: Tensor  # (K, C_L)
    head_bias: Tensor  # (K,)
    size_bytes: int  # of the buffer that all tensors share; in 8 bits also of what lies beside it
    blocks_kept: int
    last_use: tuple[int, ...]  # by source node: the last node that reads it
    pools: frozenset[tuple[int, int]]  # (source, ratio) of every max-pooling its proxies want
    int8: Mapping[int, Int8Node] | None = None  # by present node, 0 among them; None: not in 8 bits

    @property
    def work(self) -> int:
        """How much an image costs, in blocks; proxies and classifier count as one."""
        return self.blocks_kept + 1


def upload(folded: FoldedBundle, network: SharedNetwork, shapes: Geometry, device: Device) -> Adapter:
    """Make a bundle of the backbone with these shapes ready to run through that network."""
    manifest, plan = folded.manifest, folded.manifest.plan
    buffer = device.put(folded.flat)
    views = {name: buffer[span].view(shape) for name, shape, span in folded.spans()}
    nodes = {node: _node(plan, node, views, shapes) for node in plan.nodes()}
    return Adapter(
        task=manifest.task,
        backbone=manifest.backbone.fingerprint,
        network=network,
        plan=plan,
        preprocessing=manifest.preprocessing,
        classes=manifest.classes,
        nodes=nodes,
        head_weight=views["head.weight"],
        head_bias=views["head.bias"],
        size_bytes=buffer.untyped_storage().nbytes(),
        blocks_kept=plan.blocks.count(True),
        last_use=_last_use(plan),
        pools=frozenset((p.source, p.ratio) for node in nodes.values() for p in node.proxies if p.ratio > 1),
    )


def _node(plan: Plan, node: int, views: Mapping[str, Tensor], shapes: Geometry) -> NodeAdapter:
    stacked = views.get(f"{node}.proxies")
    return NodeAdapter(
        alpha=views.get(f"{node}.alpha"),
        statistics=views.get(f"{node}.statistics"),
        proxies=tuple(_proxies(plan, node, views, shapes)),
        weight=None if stacked is None else stacked.t(),
        bias=views[f"{node}.bias"],
        convolutions=_convolutions(node, views, shapes),
    )


def _convolutions(node: int, views: Mapping[str, Tensor], shapes: Geometry) -> dict[int, ConvolutionAdapter]:
    found = {}
    for place, name in enumerate(shapes.blocks[node - 1].branch):
        beside, behind = (views.get(f"{node}.{name}.{where}") for where in ("beside", "behind"))
        if beside is not None or behind is not None:
            found[place] = ConvolutionAdapter(
                beside=None if beside is None else beside.t(), behind=None if behind is None else behind.t()
            )
    return found


def _proxies(plan: Plan, node: int, views: Mapping[str, Tensor], shapes: Geometry) -> Iterator[ProxyAdapter]:
    start = 0
    for source in plan.sources(node):
        name, inner = f"{node}.proxies.{source}", None
        if f"{name}.matrix" in views:
            inner = (views[f"{name}.matrix"].t(), views[f"{name}.bias"])
        end = start + shapes.proxy_channels(source, node)[-2]
        ratio = shapes.strides[node] // shapes.strides[source]
        yield ProxyAdapter(source=source, ratio=ratio, inner=inner, rows=slice(start, end))
        start = end


def _last_use(plan: Plan) -> tuple[int, ...]:
    last = [0] * (plan.depth + 1)
    for node in plan.nodes():
        for source in plan.inputs(node):
            last[source] = node
    last[plan.depth] = plan.depth + 1  # the classifier's
    return tuple(last)
