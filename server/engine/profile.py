"""What every path of a backbone costs on this machine, in milliseconds: C_ij for whoever tailors networks for it.

On an int8 device that is what tasks in 8 bits cost, as all are that are tailored now and whose policy allows it: blocks
and proxies in 8 bits, a block with the quantising of what it reads; the stem is in float32 there, too.

Legend: N images in a batch, H W, C_p and C_l channels of nodes p and l, M middle channels of a bottleneck proxy.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nettailor.architecture.geometry import Geometry
from nettailor.architecture.plan import full_plan
from nettailor.network.backbones import Backbone
from server.engine.backbone import ConvolutionBlock, SharedNetwork, max_pool, pack_shared
from server.engine.int8 import paths as int8_paths
from server.kernels.device import Device, precision

_SAMPLE_S = 0.002  # one measurement repeats a path for about as long, so that looking at the clock does not count
_MOST_CALLS = 1000

Run = Callable[[], Tensor]
Proxy = tuple[int, int]  # (source, node)


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Milliseconds an image: of the stem, of every block by node, of every proxy that could be."""

    backbone: str
    side: int  # of the images, in pixels
    images: int  # in the batches that were timed
    device: str
    dtype: str
    threads: int
    stem_ms: float
    block_ms: Mapping[int, float]
    proxy_ms: Mapping[Proxy, float]

    @property
    def backbone_ms(self) -> float:
        """Stem and all blocks."""
        return self.stem_ms + sum(self.block_ms.values())

    def as_json(self) -> dict[str, Any]:
        """What `nettailor.complexity.counting.measured_path_costs` reads, and how it was measured."""
        described = ("backbone", "side", "images", "device", "dtype", "threads")
        return {name: getattr(self, name) for name in described} | {
            "stem": self.stem_ms,
            "blocks": {str(node): ms for node, ms in self.block_ms.items()},
            "proxies": {f"{source}-{node}": ms for (source, node), ms in self.proxy_ms.items()},
        }


def measure(
    backbone: Backbone,
    device: Device,
    *,
    side: int,
    images: int,
    rounds: int,
    progress: Callable[[int], None] = lambda _round: None,
) -> Profile:
    """Medians over `rounds`; every round times every path once, so that no path has the quiet minutes to itself.
    `progress` hears of each round done."""
    with torch.inference_mode():
        shared = pack_shared(backbone, device, int8=device.int8)
        shared.prepare(side)
        paths = _paths(shared, backbone.geometry, device, side=side, images=images)
        calls = {name: _calls(device, run) for name, run in paths.items()}
        seconds: dict[int | Proxy, list[float]] = {name: [] for name in paths}
        for number in range(1, rounds + 1):
            for name, run in paths.items():
                seconds[name].append(_seconds(device, run, calls[name]))
            progress(number)
    ms = {name: float(f"{1000 * statistics.median(times) / images:.4g}") for name, times in seconds.items()}
    return Profile(
        backbone=backbone.name,
        side=side,
        images=images,
        device=device.name,
        dtype=precision(device),
        threads=torch.get_num_threads(),
        stem_ms=ms[0],
        block_ms={name: value for name, value in ms.items() if isinstance(name, int) and name > 0},
        proxy_ms={name: value for name, value in ms.items() if not isinstance(name, int)},
    )


def _paths(
    shared: SharedNetwork, geometry: Geometry, device: Device, *, side: int, images: int
) -> dict[int | Proxy, Run]:
    """By name: 0 is the stem, l > 0 the block G_l, (p, l) a proxy; each with the inputs that the network gives it."""
    random = np.random.default_rng(0)
    pixels = device.put(random.standard_normal((images, side, side, 3), np.float32))
    nodes = [shared.run_stem(pixels)]
    run_block: Callable[[ConvolutionBlock, Tensor], Tensor] = int8_paths.run_block if device.int8 else _run_block
    for block in shared.blocks:
        nodes.append(run_block(block, nodes[-1]).relu_())
    paths: dict[int | Proxy, Run] = {0: lambda: shared.run_stem(pixels)}
    for node, block in enumerate(shared.blocks, start=1):
        paths[node] = partial(run_block, block, nodes[node - 1])
    proxy_run = int8_paths.proxy_run if device.int8 else _proxy_run
    for source, node in full_plan(geometry.depth, None).proxy_paths():
        weights = [
            device.put(random.standard_normal((c_out, c_in), np.float32)).t()
            for c_in, c_out in pairwise(geometry.proxy_channels(source, node))
        ]
        ratio = geometry.strides[node] // geometry.strides[source]
        paths[source, node] = proxy_run(nodes[source], torch.zeros_like(nodes[node]), weights, ratio)
    return paths


def _run_block(block: ConvolutionBlock, x: Tensor) -> Tensor:
    return block(x)


def _proxy_run(x: Tensor, target: Tensor, weights: list[Tensor], ratio: int) -> Run:
    """A_p^l added to the node's sum in place, as the engine does; x (N, H_p, W_p, C_p), target (N, H_l, W_l, C_l).

    A pooling that several proxies share is counted with each of them: which of them stay is not known yet.
    """
    rows = target.view(-1, target.shape[-1])
    bias = rows[0, : weights[0].shape[1]].clone()  # (M,) of a bottleneck proxy

    def run() -> Tensor:
        pooled = max_pool(x, kernel=ratio + 1, stride=ratio) if ratio > 1 else x
        values = pooled.view(-1, pooled.shape[-1])
        if len(weights) > 1:
            values = torch.addmm(bias, values, weights[0]).relu_()
        return rows.addmm_(values, weights[-1])

    return run


def _calls(device: Device, run: Run) -> int:
    """How many calls make a sample; the first one is left out, since it may prepare things."""
    _seconds(device, run, 1)
    return min(_MOST_CALLS, max(1, round(_SAMPLE_S / _seconds(device, run, 2))))


def _seconds(device: Device, run: Run, calls: int) -> float:
    """How long one call takes."""
    began_at = time.perf_counter()
    for _ in range(calls):
        result = run()
    device.fetch([result.view(-1)[:1]])  # waits for the device
    return (time.perf_counter() - began_at) / calls
