"""In which range each activation of a student lies, from the images of one pass.

Legend: N images, C channels, H W; nodes l = 0 (stem) ... L as in `plan`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nettailor.bundle.tensors.ranges import RANGES
from nettailor.network.int8.histogram import Histogram
from nettailor.network.int8.quantised import shared_convolutions
from nettailor.network.student import Student

IMAGES = 512  # that are enough to calibrate on


@torch.no_grad()
def calibrated_ranges(student: Student, batches: Iterable[Tensor]) -> dict[int, NDArray[np.float32]]:
    """The ranges of a student in eval mode, by present node, from images (N, 3, H, W): those that cost the least mean
    square error. Nothing in them depends on how the images are cut into batches, but for what a convolution rounds."""
    found: dict[tuple[int, int], Histogram] = defaultdict(Histogram)
    inner = [conv for conv in shared_convolutions(student) if conv.index > 0]
    hooks = [
        conv.block.get_submodule(conv.name).register_forward_pre_hook(_adding(found[conv.node, conv.index]))
        for conv in inner
    ]
    for images in batches:
        nodes: dict[int, Tensor] = {0: student.stem(images)}
        found[0, 0].add(nodes[0])
        for node in student.plan.nodes():
            nodes[node] = student.node(node, nodes)
            found[node, 0].add(nodes[node])
    for hook in hooks:
        hook.remove()
    return {node: _of_node(found, node) for node in (0, *student.plan.nodes())}


def range_tensors(ranges: dict[int, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """As a bundle holds them."""
    return {f"{RANGES}{node}": values for node, values in ranges.items()}


def _adding(histogram: Histogram) -> Callable[[nn.Module, tuple[Any, ...]], None]:
    return lambda _, inputs: histogram.add(inputs[0])


def _of_node(found: dict[tuple[int, int], Histogram], node: int) -> NDArray[np.float32]:
    own = sorted(key for key in found if key[0] == node)
    return np.array([found[key].best_range() for key in own], np.float32)
