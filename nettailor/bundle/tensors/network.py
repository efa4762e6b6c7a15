"""Tensors of a whole network of the task's own: the backbone's canonical tensors, `network.` before their names.

network.stem.0.weight, network.stem.1.{weight,bias,running_mean,running_var}
network.blocks.{l-1}.branch.{i}.weight (C_out, C_in, k, k), .branch.{i+1}.{weight,bias,running_mean,running_var}
network.blocks.{l-1}.shortcut.0.weight, .shortcut.1.*        where the shortcut is a projection
"""

from nettailor.architecture.geometry import Geometry
from nettailor.bundle.backbone_file import tensor_shapes

PREFIX = "network."

Shape = tuple[int, ...]


def network_shapes(geometry: Geometry) -> dict[str, Shape]:
    """Name and shape of every tensor of the network."""
    return {f"{PREFIX}{name}": shape for name, shape in tensor_shapes(geometry).items()}
