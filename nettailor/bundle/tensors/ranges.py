"""Tensors that say in which range a task's activations lie: `ranges.{l}`, (1 + m,), of every present node l, the stem's
output (0) among them.

First comes the largest value of x_l that is told apart from larger ones, then, where block l is kept, the same of the
input of every convolution of its branch after the first: m = 1 on basic blocks, 2 on bottleneck ones, else 0. All that
is behind a ReLU, so every range begins at 0.
"""

from nettailor.architecture.geometry import Geometry
from nettailor.architecture.plan import Plan
from nettailor.bundle.safetensors_file import FloatArray
from nettailor.errors import BundleTensorInvalid

RANGES = "ranges."
LARGEST_BYTE = 255  # of what a range is divided into
LARGEST_WEIGHT = 127  # in int8, of either sign
ZERO_POINT = 128  # what is taken away from a quantised activation where it is to fit into int8

Shape = tuple[int, ...]


def range_shapes(geometry: Geometry, plan: Plan) -> dict[str, Shape]:
    """Name and shape of every node's ranges."""
    shapes: dict[str, Shape] = {f"{RANGES}0": (1,)}
    for node in plan.nodes():
        convolutions = len(geometry.blocks[node - 1].branch) if plan.keeps_block(node) else 1
        shapes[f"{RANGES}{node}"] = (convolutions,)
    return shapes


def check_ranges(name: str, tensor: FloatArray) -> None:
    """Raises `BundleTensorInvalid` where a range of a node, if these are some, is empty."""
    if name.startswith(RANGES) and tensor.min() <= 0:
        raise BundleTensorInvalid(name, "a range is not above 0")
