"""Tensors of what a task adds to the 3x3 convolutions of the kept blocks l; {conv} is such a one by its name there.

adapters.{l}.{conv}.weight (C_out, C_in, 1, 1)                                  parallel-adapters
adapters.{l}.{conv}.weight (C_out, C_out, 1, 1)                                 series-adapters, dan
adapters.{l}.{conv}.norm.{weight,bias,running_mean,running_var} (C_out,)        series-adapters
"""

from nettailor.architecture.geometry import Geometry
from nettailor.architecture.plan import Plan
from nettailor.bundle.manifest import AdapterMethod

ADAPTERS = "adapters"  # the first part of their names
SWITCHED_OFF = 1e-20  # a batch-norm weight as small as this leaves nothing of its channel (docs/bundle-format.md)

Shape = tuple[int, ...]


def adapter_shapes(geometry: Geometry, plan: Plan, method: AdapterMethod) -> dict[str, Shape]:
    """Name and shape of what the method adds to every adapted convolution in the kept blocks."""
    shapes: dict[str, Shape] = {}
    for node in plan.nodes():
        if plan.keeps_block(node):
            for name, conv in geometry.blocks[node - 1].adaptable.items():
                prefix = f"{ADAPTERS}.{node}.{name}"
                channels = conv.channels_in if method == "parallel-adapters" else conv.channels_out
                shapes[f"{prefix}.weight"] = (conv.channels_out, channels, 1, 1)
                if method == "series-adapters":
                    for part in ("weight", "bias", "running_mean", "running_var"):
                        shapes[f"{prefix}.norm.{part}"] = (conv.channels_out,)
    return shapes
