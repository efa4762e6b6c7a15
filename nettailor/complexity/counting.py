"""Complexity of paths in closed form, and what a plan keeps and removes (torch-free).

The unit is the MAC: one multiply-add of one image. Batch-norm counts 2 an output element, as in the paper's code;
additions, ReLUs and pooling count nothing.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

from nettailor.architecture.geometry import BlockGeometry, Geometry
from nettailor.architecture.plan import Plan, full_plan
from nettailor.bundle.manifest import AdapterMethod, Complexity, StatisticsMode
from nettailor.bundle.tensors.masks import masked_weights
from nettailor.errors import CostTableInvalid

Measure = Literal["macs", "params"]


@dataclass(frozen=True, kw_only=True)
class Cost:
    """MACs of one image and parameters (convolutions and batch-norm weight and bias)."""

    macs: int
    params: int

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(macs=self.macs + other.macs, params=self.params + other.params)


def _conv_norm(c_in: int, c_out: int, kernel: int, side: int) -> Cost:
    """A convolution without bias followed by batch-norm; `side` of its output."""
    weights = c_in * c_out * kernel * kernel
    return Cost(macs=(weights + 2 * c_out) * side * side, params=weights + 2 * c_out)


def stem_cost(geometry: Geometry, image_side: int) -> Cost:
    side = -(-image_side // geometry.stem_stride)
    return _conv_norm(3, geometry.stem_channels, geometry.stem_kernel, side)


def block_cost(geometry: Geometry, node: int, image_side: int) -> Cost:
    """The block G_node."""
    block = geometry.blocks[node - 1]
    side_in, side = geometry.side(node - 1, image_side), geometry.side(node, image_side)
    cost = _branch_cost(block, side_in, side)
    return cost + _conv_norm(block.channels_in, block.channels_out, 1, side) if block.projected else cost


def _branch_cost(block: BlockGeometry, side_in: int, side: int) -> Cost:
    if not block.bottleneck:
        first = _conv_norm(block.channels_in, block.middle, 3, side)
        return first + _conv_norm(block.middle, block.channels_out, 3, side)
    # torchvision strides the 3x3 convolution, so the first 1x1 runs at the input's side
    reduce = _conv_norm(block.channels_in, block.middle, 1, side_in)
    return (
        reduce + _conv_norm(block.middle, block.middle, 3, side) + _conv_norm(block.middle, block.channels_out, 1, side)
    )


def proxy_cost(geometry: Geometry, source: int, node: int, image_side: int) -> Cost:
    """The proxy A_source^node; it pools first, so all of it runs at the target's side."""
    channels, side = geometry.proxy_channels(source, node), geometry.side(node, image_side)
    cost = Cost(macs=0, params=0)
    for c_in, c_out in pairwise(channels):
        cost += _conv_norm(c_in, c_out, 1, side)
    return cost


def adapters_cost(geometry: Geometry, node: int, image_side: int, method: AdapterMethod) -> Cost:
    """What the method adds to the convolutions of the block G_node, beside them and not merged into them."""
    cost, side = Cost(macs=0, params=0), geometry.side(node, image_side)
    for conv in geometry.blocks[node - 1].adaptable.values():
        width = conv.channels_out
        if method == "series-adapters":
            cost += _conv_norm(width, width, 1, side)
        else:
            weights = width * (conv.channels_in if method == "parallel-adapters" else width)
            cost += Cost(macs=weights * side * side, params=weights)
    return cost


def backbone_cost(geometry: Geometry, image_side: int) -> Cost:
    """Stem and all blocks: the denominator of C_ij."""
    cost = stem_cost(geometry, image_side)
    for node in range(1, geometry.depth + 1):
        cost += block_cost(geometry, node, image_side)
    return cost


@dataclass(frozen=True, kw_only=True)
class PathCosts:
    """C_ij of every path, as a share of the whole backbone: `blocks[l]`, `proxies[p, l]`."""

    blocks: Mapping[int, float]
    proxies: Mapping[tuple[int, int], float]

    def of(self, plan: Plan, node: int) -> list[float]:
        """Costs of the paths into a node, in the order of `plan.inputs(node)`."""
        block = [self.blocks[node]] if plan.keeps_block(node) else []
        return block + [self.proxies[source, node] for source in plan.sources(node)]


def path_costs(geometry: Geometry, image_side: int, measure: Measure = "macs") -> PathCosts:
    """C_ij counted in MACs or parameters, for every path that could be."""
    total = getattr(backbone_cost(geometry, image_side), measure)
    nodes = range(1, geometry.depth + 1)
    blocks = {node: getattr(block_cost(geometry, node, image_side), measure) / total for node in nodes}
    proxies = {
        (source, node): getattr(proxy_cost(geometry, source, node, image_side), measure) / total
        for source, node in full_plan(geometry.depth, None).proxy_paths()
    }
    return PathCosts(blocks=blocks, proxies=proxies)


@dataclass(frozen=True, kw_only=True)
class Milliseconds:
    """Measured time of one image: `stem`, `blocks[l]`, `proxies[p, l]`."""

    stem: float
    blocks: Mapping[int, float]
    proxies: Mapping[tuple[int, int], float]

    def of(self, plan: Plan) -> float:
        """A network of this plan; its classifier, which no table has, is not counted."""
        kept = (self.blocks[node] for node in plan.nodes() if plan.keeps_block(node))
        return self.stem + sum(kept) + sum(self.proxies[path] for path in plan.proxy_paths())


def measured_path_costs(geometry: Geometry, table: Path) -> PathCosts:
    """C_ij from a JSON table of milliseconds (see `read_milliseconds`). Raises `CostTableInvalid`."""
    measured = read_milliseconds(geometry, table)
    total = measured.stem + sum(measured.blocks.values())
    return PathCosts(
        blocks={k: v / total for k, v in measured.blocks.items()},
        proxies={k: v / total for k, v in measured.proxies.items()},
    )


def read_milliseconds(geometry: Geometry, table: Path) -> Milliseconds:
    """A JSON table of milliseconds: {"stem": ms, "blocks": {"l": ms}, "proxies": {"p-l": ms}}.

    `nettailor profile` writes one, with a few keys more that say how it was measured; "backbone", where there is one,
    must be this one. Raises `CostTableInvalid`.
    """
    try:
        content = json.loads(table.read_text())
        stem = _milliseconds(content["stem"])
        if (measured := content.get("backbone", geometry.name)) != geometry.name:
            raise ValueError(f"was measured for backbone {measured!r}, not {geometry.name!r}")
        blocks = {node: _milliseconds(content["blocks"][str(node)]) for node in range(1, geometry.depth + 1)}
        proxies = {
            (source, node): _milliseconds(content["proxies"][f"{source}-{node}"])
            for source, node in full_plan(geometry.depth, None).proxy_paths()
        }
    except KeyError as missing:
        raise CostTableInvalid(str(table), f"lacks {missing}") from missing
    except (OSError, ValueError, TypeError) as failure:
        raise CostTableInvalid(str(table), str(failure)) from failure
    return Milliseconds(stem=stem, blocks=blocks, proxies=proxies)


def _milliseconds(value: object) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value < 1e6:
        raise ValueError(f"{value!r} is not a positive number of milliseconds")
    return float(value)


def plan_complexity(
    geometry: Geometry,
    plan: Plan,
    *,
    image_side: int,
    classes: int,
    statistics: StatisticsMode,
    adapters: AdapterMethod | None = None,
) -> Complexity:
    """What a task keeps, removes and adds. `task_params` counts every number in the bundle (running statistics and
    alphas included, the ranges of activations left out), so it is what the task really adds."""
    stem = stem_cost(geometry, image_side)
    kept = removed = added = Cost(macs=0, params=0)
    statistics_count = 0
    for node in range(1, geometry.depth + 1):
        cost = block_cost(geometry, node, image_side)
        if plan.keeps_block(node):
            kept += cost
            statistics_count += 2 * sum(geometry.blocks[node - 1].norms.values())
            if adapters is not None:
                added += adapters_cost(geometry, node, image_side, adapters) + _running(geometry, node, adapters)
        else:
            removed += cost
    width = geometry.channels[-1]
    task = added + Cost(macs=width * classes, params=(width + 1) * classes)
    for source, node in plan.proxy_paths():
        running = 2 * sum(geometry.proxy_channels(source, node)[1:])
        task += proxy_cost(geometry, source, node, image_side) + Cost(macs=0, params=running)
    alphas = sum(len(plan.inputs(node)) for node in plan.nodes())
    task += Cost(macs=0, params=alphas + (statistics_count if statistics == "task" else 0))
    return Complexity(
        stem_macs=stem.macs,
        stem_params=stem.params,
        shared_macs_kept=kept.macs,
        shared_macs_removed=removed.macs,
        shared_params_kept=kept.params,
        shared_params_removed=removed.params,
        task_macs=task.macs,
        task_params=task.params,
    )


def _running(geometry: Geometry, node: int, method: AdapterMethod) -> Cost:
    """The running statistics of the adapters' own batch-norms, where there are some."""
    widths = [conv.channels_out for conv in geometry.blocks[node - 1].adaptable.values()]
    return Cost(macs=0, params=2 * sum(widths) if method == "series-adapters" else 0)


def whole_complexity(geometry: Geometry, *, image_side: int, classes: int) -> Complexity:
    """Of a network of the task's own: it does without every shared block and adds as much. Of its numbers those count
    that count of the backbone, so that the two compare."""
    stem, width = stem_cost(geometry, image_side), geometry.channels[-1]
    blocks = Cost(macs=0, params=0)
    for node in range(1, geometry.depth + 1):
        blocks += block_cost(geometry, node, image_side)
    task = blocks + Cost(macs=width * classes, params=(width + 1) * classes)
    return Complexity(
        stem_macs=stem.macs,
        stem_params=stem.params,
        shared_macs_kept=0,
        shared_macs_removed=blocks.macs,
        shared_params_kept=0,
        shared_params_removed=blocks.params,
        task_macs=task.macs,
        task_params=task.params,
    )


def masked_complexity(geometry: Geometry, *, image_side: int, classes: int) -> Complexity:
    """Of a network of masks over shared weights: the weights are shared, what is computed with them is not. Of the 32
    bits of a number a mask has one for each weight."""
    plan = full_plan(geometry.depth, 0)
    own = plan_complexity(geometry, plan, image_side=image_side, classes=classes, statistics="task")
    weights = sum(math.prod(shape) for shape in masked_weights(geometry).values())
    return own.model_copy(
        update={
            "shared_macs_kept": 0,
            "shared_macs_removed": own.shared_macs_kept,
            "task_macs": own.task_macs + own.shared_macs_kept,
            "task_params": own.task_params + -(-weights // 32),
        }
    )


def packed_complexity(geometry: Geometry, *, image_side: int, classes: int, owned: int) -> Complexity:
    """Of a network that has weights of its own in the place of so many of the backbone's that are 0: the others are
    shared, what is computed with them is not. A bit for each weight says which they are."""
    plan = full_plan(geometry.depth, 0)
    own = plan_complexity(geometry, plan, image_side=image_side, classes=classes, statistics="frozen")
    weights = sum(math.prod(shape) for shape in masked_weights(geometry).values())
    return own.model_copy(
        update={
            "shared_macs_kept": 0,
            "shared_macs_removed": own.shared_macs_kept,
            "shared_params_kept": own.shared_params_kept - owned,
            "shared_params_removed": owned,
            "task_macs": own.task_macs + own.shared_macs_kept,
            "task_params": own.task_params + owned + -(-weights // 32),
        }
    )
